"""What a run would do, how long it would take and how much disk it would need, from a short probe."""

import json
import shutil
import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from mmselfhuman.engine.self_training.ledger import Ledger
from mmselfhuman.engine.self_training.loop import Executor
from mmselfhuman.engine.self_training.plan import Plan
from mmselfhuman.engine.self_training.progress import duration, role
from mmselfhuman.engine.self_training.stages import Stage
from mmselfhuman.pseudo_labels.files import replacing

ESTIMATES = "dry_run.json"
"""Seconds by role, as the last dry run has found them."""
_STEPS, _WARM_UP = 8, 3
_FRAMES = 6


def describe(plan: Plan, ledger: Ledger, execute: Executor) -> str:
    """Check the plan, measure what its stages cost, and tell it.

    Trains every network for a few steps and labels a few frames, in a folder that stays only if that fails, for its
    log, and keeps what it measured for the runs to come; nothing in the ledger changes.

    Args:
        plan: What is to be done.
        ledger: What has been done.
        execute: Carries out the probe.

    Raises:
        StageFailedError: The check or the probe failed; the message has the reasons.
    """
    folder = ledger.work_dir / "dry_run"
    shutil.rmtree(folder, ignore_errors=True)
    found = {}
    for kind in ("check", "probe"):
        settings = plan.stages[0].settings if kind == "check" else {"stages": probed(plan)}
        stage, trial = Stage(f"dry-run.{kind}", kind, 0, settings, cheap=True), Ledger(folder)
        execute(stage, trial.begin(stage), {})
        found[kind] = trial.left(stage).facts
    shutil.rmtree(folder)
    seconds = {role(name): value for name, value in found["probe"]["seconds"].items()}
    with replacing(ledger.work_dir / ESTIMATES) as file:
        file.write((json.dumps(seconds, indent=1) + "\n").encode())
    return _text(plan, ledger, found["check"], seconds)


def known_estimates(work_dir: Path) -> dict[str, float]:
    """Seconds by role, of the last dry run in a work dir; nothing where there is none, or none that can be read."""
    try:
        content = json.loads((work_dir / ESTIMATES).read_bytes())
        return {str(name): float(seconds) for name, seconds in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def probed(plan: Plan) -> dict[str, dict[str, Any]]:
    """The stages to be measured, one of each role."""
    chosen = {}
    for stage in plan.stages:
        if stage.round <= 1 and stage.kind in ("train", "label") and "networks" not in stage.inputs:
            chosen[stage.name] = {"kind": stage.kind, **stage.settings}
    return chosen


def _text(plan: Plan, ledger: Ledger, check: Mapping[str, Any], seconds: Mapping[str, float]) -> str:
    lines = [
        f"{check['clips']} clips, {check['frames']} frames of at most {'x'.join(map(str, check['frame_size']))} pixels"
    ]
    total = 0.0
    for stage in plan.stages:
        known = seconds.get(role(stage.name))
        state = "done" if ledger.has_happened(stage.name) else "-" if known is None else f"about {duration(known)}"
        total += 0.0 if ledger.has_happened(stage.name) else known or 0.0
        lines.append(f"  {stage.name:<22} {state}")
    lines.append(
        f"at most {duration(total)} in all, without tests, for {plan.rounds} rounds; about "
        f"{check['bytes'] / 2**20:.0f} MiB of disk"
    )
    return "\n".join(lines)


def probe(task: Any) -> Any:
    """Measure stages; the result's facts have ``seconds`` by stage."""
    from mmselfhuman.engine.self_training.ledger import Result

    found = {}
    for name, settings in task.settings["stages"].items():
        if settings["kind"] == "train":
            found[name] = _training_seconds(settings["config"], task.folder / name)
        else:
            found[name] = _labelling_seconds(settings)
    frame = next((value for name, value in found.items() if name.endswith(".labels")), 0.0)
    for name, settings in task.settings["stages"].items():
        hooks = [hook for hook in settings.get("config", {}).get("custom_hooks") or () if "videos" in hook]
        found[name] += sum(hook["rounds"] for hook in hooks) * frame
    return Result(digest="probe", facts={"seconds": {name: round(value, 2) for name, value in found.items()}})


def _training_seconds(values: Mapping[str, Any], folder: Path) -> float:
    from mmengine.config import Config
    from mmengine.hooks import Hook
    from mmengine.runner import Runner

    moments = []

    class Clock(Hook):
        def after_train_iter(self, *arguments: Any, **named: Any) -> None:
            moments.append(time.monotonic())

    config = Config(dict(values), format_python_code=False)
    config.work_dir, config.load_from, config.resume = str(folder), None, False
    config.custom_hooks = [hook for hook in config.get("custom_hooks") or () if "videos" not in hook]
    loop = config.train_cfg
    config.train_cfg = {"type": "IterBasedTrainLoop", "max_iters": _STEPS}
    for part in ("val_dataloader", "val_cfg", "val_evaluator", "test_dataloader", "test_cfg", "test_evaluator"):
        config[part] = None
    config.param_scheduler, config.default_hooks["checkpoint"] = None, None
    runner = Runner.from_cfg(config)
    runner.register_hook(Clock())
    runner.train()
    step = (moments[-1] - moments[_WARM_UP - 1]) / (_STEPS - _WARM_UP)
    epoch = len(runner.train_dataloader)
    return step * (loop["max_iters"] if loop.get("max_iters") else loop["max_epochs"] * epoch)


def _labelling_seconds(settings: Mapping[str, Any]) -> float:
    from mmselfhuman.engine.label_making import SegmentorPredictor
    from mmselfhuman.engine.label_making.reading import announced_length
    from mmselfhuman.engine.self_training.work_labels import build_network, label_maker
    from mmselfhuman.registry import DATASETS

    if not settings["networks"]:
        return 0.0
    videos = DATASETS.build({"_scope_": "mmselfhuman", **settings["videos"]["config"]})
    maker, predictor = label_maker(settings), SegmentorPredictor(build_network(settings["networks"]["seg"], None))
    start, done = 0.0, 0
    for done, _ in enumerate(islice(maker(videos[0], predictor), _FRAMES + 1)):
        if done == 0:
            start = time.monotonic()
    frame = (time.monotonic() - start) / max(done, 1)
    return frame * sum(announced_length(clip) or 1 for clip in videos)
