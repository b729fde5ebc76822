"""Network stages: ordinary Runners on ordinary configs."""

import hashlib
import math
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import CheckpointLoader, Runner

from mmselfhuman.engine.hooks import ExactResumeHook
from mmselfhuman.engine.label_making import CollapsedLabelsError
from mmselfhuman.engine.self_training.binding import HOOKS, dictionaries, has_hook, kind_of
from mmselfhuman.engine.self_training.ledger import Result
from mmselfhuman.engine.self_training.stages import digest
from mmselfhuman.engine.self_training.task import Task
from mmselfhuman.models.detectors.checkpoints import load_parts
from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.registry import RUNNERS
from mmselfhuman.utils import checkpoint_to_resume

WEIGHTS = "weights.pth"
FRAMES = "frames"
"""Folder of the work dir in which the frames' pixels are, once for all stores."""


class ReportProgress(Hook):
    """Tell the loop how many iterations of how many are done.

    Args:
        task: The stage.
        interval: Seconds between two reports.
    """

    priority = "VERY_LOW"

    def __init__(self, task: Task, interval: float = 1.0) -> None:
        self._task, self._interval, self._told = task, interval, 0.0

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        if time.monotonic() - self._told >= self._interval:
            self._told = time.monotonic()
            self._task.report(runner.iter + 1, runner.max_iters)


def train(task: Task) -> Result:
    """Train as the stage's config says, from the input ``weights`` if there are any, and keep the last weights.

    Result: ``weights``, and the store as ``labels`` if the training made one. Poses that have collapsed are not
    learned: the network stays as it was, and masks go on without them.

    Raises:
        CollapsedLabelsError: Masks have.
    """
    if _has_nothing_to_learn(task):
        return _kept_as_it_was(task, "no person in the round's final labels is sure enough to learn from")
    config, run = Config(dict(task.settings["config"]), format_python_code=False), task.folder / "run"
    config.work_dir = str(run)
    config.launcher = task.launcher
    checkpoint, weights = checkpoint_to_resume(run), task.input("weights")
    config.resume, config.load_from = (
        bool(checkpoint),
        checkpoint or (str(weights) if weights else config.get("load_from")),
    )
    _use_cpus(config)
    _share_frames(config, task)
    if "labels" in task.inputs and is_main_process():
        labels_of(task).rewind(task.stage.round)
    barrier()
    runner = RUNNERS.build(config) if "runner_type" in config else Runner.from_cfg(config)
    if not any(has_hook(config, hook) for hook in (*HOOKS.values(), "ExactResumeHook")):
        runner.register_hook(ExactResumeHook())
    runner.register_hook(ReportProgress(task))
    clock = time.monotonic()
    try:
        runner.train()
    except CollapsedLabelsError as error:
        if not has_hook(config, HOOKS["pose"]):
            raise
        return _kept_as_it_was(task, str(error))
    busy = time.monotonic() - clock
    barrier()
    if not is_main_process():
        return Result()
    last = checkpoint_to_resume(run)
    if last is None:
        raise RuntimeError(f"the training left no checkpoint in {run}: its config needs a CheckpointHook")
    fingerprint = keep_weights(last, task.folder / WEIGHTS)
    outputs, facts = {"weights": task.relative(task.folder / WEIGHTS)}, {}
    store = task.folder / "pseudo_labels"
    if PseudoLabelStore(store).rounds():
        outputs["labels"] = task.relative(store)
        facts["rounds"] = [_summary(store, number) for number in PseudoLabelStore(store).rounds()]
        facts["skipped_clips"] = PseudoLabelStore(store).read().summary.get("skipped", {})
    return Result(outputs, fingerprint, {}, facts, busy=round(busy, 3))


def _has_nothing_to_learn(task: Task) -> bool:
    """Whether a network that learns persons would learn from labels that have none."""
    labels = task.inputs.get("labels")
    if labels is None or labels.facts.get("persons") != 0:
        return False
    nodes = dictionaries(task.settings["config"].get("train_dataloader") or {})
    sources = [str(node.get("type")) for node in nodes if kind_of(node.get("source") or {}) == "PseudoLabels"]
    return not any(kind.endswith("PersonSegDataset") for kind in sources)


def _kept_as_it_was(task: Task, reason: str) -> Result:
    fingerprint = keep_weights(str(task.input("weights")), task.folder / WEIGHTS) if is_main_process() else ""
    facts = {"note": f"not trained: {reason}"}
    return Result({"weights": task.relative(task.folder / WEIGHTS)}, fingerprint, {}, facts)


def load(task: Task) -> Result:
    """Take over somebody's checkpoint."""
    fingerprint = keep_weights(task.settings["checkpoint"], task.folder / WEIGHTS) if is_main_process() else ""
    return Result({"weights": task.relative(task.folder / WEIGHTS)}, fingerprint)


def test(task: Task) -> Result:
    """Test a network, and validate it too if its held-out set decides."""
    config = Config(dict(task.settings["config"]), format_python_code=False)
    config.work_dir, config.launcher = str(task.folder / "run"), task.launcher
    config.resume = False
    _use_cpus(config)
    weights = {role: str(task.input(role)) for role in task.inputs}
    parts = weights if task.settings["network"] == "instances" else {}
    config.load_from = None if parts else weights[task.settings["network"]]
    clock = time.monotonic()
    metrics = _measure(config, "test", parts) if config.get("test_dataloader") else {}
    if task.settings["val"]:
        metrics |= {f"val/{name}": value for name, value in _measure(config, "val", parts).items()}
    busy = round(time.monotonic() - clock, 3)
    barrier()  # others may still write there
    if is_main_process():
        shutil.rmtree(config.work_dir, ignore_errors=True)
    return Result({}, digest(metrics), metrics, busy=busy)


def keep_weights(checkpoint: str, path: Path) -> str:
    """Write the weights of a checkpoint, without what only training needs.

    Args:
        checkpoint: File or URL; of MMEngine's, or bare weights.
        path: Where to.

    Returns:
        SHA-256 of the tensors.

    Raises:
        ValueError: There are no weights in it.
    """
    content = CheckpointLoader.load_checkpoint(checkpoint, map_location="cpu")
    state = content.get("state_dict", content.get("model", content)) if isinstance(content, Mapping) else None
    if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"{checkpoint} holds no weights: expected a dictionary of tensors, or one under 'state_dict'")
    state = {name: state[name].detach().contiguous().clone() for name in state}
    meta = content.get("meta") or {}
    partial = path.with_suffix(".partial")
    torch.save({"state_dict": state, "meta": {key: meta[key] for key in ("dataset_meta",) if key in meta}}, partial)
    partial.replace(path)
    fingerprint = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        fingerprint.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        fingerprint.update(tensor.flatten().view(torch.uint8).numpy())
    return fingerprint.hexdigest()


def labels_of(task: Task) -> PseudoLabelStore:
    """The store of the rounds' final labels."""
    return PseudoLabelStore(task.work_dir / "labels")


def share_frames(store: Path, task: Task) -> None:
    """Let a store keep the frames' pixels in one place with all others, where the file system can."""
    frames = task.work_dir / FRAMES
    if is_main_process() and not (store / FRAMES).exists():
        frames.mkdir(exist_ok=True)
        store.mkdir(parents=True, exist_ok=True)
        try:
            (store / FRAMES).symlink_to(os.path.relpath(frames, store), target_is_directory=True)
        except OSError:
            return


def _use_cpus(config: Config) -> None:
    """Without a GPU, MMEngine would still wrap the models of several ranks for one each."""
    if config.launcher != "none" and not torch.cuda.is_available():
        config.setdefault("model_wrapper_cfg", {"type": "MMDistributedDataParallel", "device_ids": None})


def _share_frames(config: Config, task: Task) -> None:
    for node in dictionaries(config._cfg_dict):
        if str(node.get("type", "")).endswith("PseudoLabels") and "store" in node:
            share_frames(Path(node["store"]), task)


def _measure(config: Config, part: str, weights: Mapping[str, str]) -> dict[str, float | None]:
    config = Config(config.to_dict(), format_python_code=False)
    for other in {"test": ("train", "val"), "val": ("train", "test")}[part]:
        for key in ("dataloader", "cfg", "evaluator"):
            config[f"{other}_{key}"] = None
    config.optim_wrapper = config.param_scheduler = None
    # Hooks that make labels have no training here; the weights are averaged ones already, where any are.
    dropped = (*HOOKS.values(), "EMAHook")
    config.custom_hooks = [
        hook for hook in config.get("custom_hooks") or () if str(hook.get("type")).rpartition(".")[2] not in dropped
    ]
    config.experiment_name = f"{part}_{time.monotonic_ns()}"
    runner = Runner.from_cfg(config)
    load_parts(runner.model.module if is_model_wrapper(runner.model) else runner.model, weights)
    return {name: _number(value) for name, value in getattr(runner, part)().items() if isinstance(value, float | int)}


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None


def _summary(store: Path, number: int) -> dict[str, Any]:
    return PseudoLabelStore(store).read(number).summary.get("signals", {})
