"""Everything that can be wrong, found before the first long stage and told at once."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.registry import DATASETS as ALL_DATASETS
from mmengine.registry import HOOKS as ALL_HOOKS
from mmengine.registry import MODELS as ALL_MODELS
from mmengine.registry import TRANSFORMS, DefaultScope
from mmengine.runner import CheckpointLoader

from mmselfhuman.engine.label_making.predictors import SegmentorPredictor, number_of_classes
from mmselfhuman.engine.label_making.reading import announced_length
from mmselfhuman.engine.label_making.stored_predictions import StoredPredictions
from mmselfhuman.engine.self_training.binding import HOOKS as LABELLING_HOOKS
from mmselfhuman.engine.self_training.binding import has_hook, reads_pseudo_labels
from mmselfhuman.engine.self_training.ledger import Result
from mmselfhuman.engine.self_training.stages import CannotBeginError, digest
from mmselfhuman.engine.self_training.task import Task
from mmselfhuman.engine.self_training.work_labels import build_network
from mmselfhuman.registry import DATASETS

_PIXEL_BYTES = 0.6
"""Bytes that a pixel of a frame takes in the store, JPEG of quality 95; measured, see docs/pseudo_labels.md."""

_LOOKED_AT = 5
"""So many videos, and frames of each, are searched for somebody."""

_STATES = 7
"""A network's checkpoints, while it is trained, in sizes of its weights: two with AdamW's state, and the result."""


_DATA = {"train": "training", "val": "validation", "test": "test"}


class ChecksFailedError(CannotBeginError):
    """Something is wrong with what the loop is to work with; the message has all of it."""


def check(task: Task) -> Result:
    """Look at videos, networks, checkpoints and disk space.

    Raises:
        ChecksFailedError: There are problems.
    """
    if not is_main_process():
        return Result()
    problems: list[str] = []
    frames, size, readable = _videos(task.settings["videos"]["config"], problems)
    parameters = {}
    for name, network in task.settings["networks"].items():
        parameters[name] = _network(name, network, problems)
    if task.settings.get("predictions") is not None:
        problems += _predictions(task.settings["predictions"], task.settings["videos"]["config"])
    seg = task.settings["networks"]["seg"]
    if not problems and seg["checkpoint"]:
        problems += _nobody(task.settings["videos"]["config"], seg, task.settings.get("transforms", ()))
    need = int(frames * size[0] * size[1] * _PIXEL_BYTES + _STATES * 4 * sum(parameters.values()))
    free = shutil.disk_usage(task.work_dir).free
    if need > free:
        problems.append(
            f"disk: about {_megabytes(need)} will be needed in {task.work_dir}, but {_megabytes(free)} are free"
        )
    if problems:
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ChecksFailedError(f"{count}:\n" + "\n".join(f"- {text}" for text in problems))
    facts = {"clips": readable, "frames": frames, "frame_size": size, "parameters": parameters, "bytes": need}
    return Result({}, digest(facts), {}, facts)


def _videos(config: Mapping[str, Any], problems: list[str]) -> tuple[int, list[int], int]:
    """How many frames there are, their ``[width, height]``, and how many clips."""
    try:
        clips = DATASETS.build({"_scope_": "mmselfhuman", **config})
    except (FileNotFoundError, ValueError, TypeError, KeyError) as error:
        problems.append(f"videos: {error}")
        return 0, [0, 0], 0
    frames, size, readable = 0, [0, 0], 0
    for clip in clips:
        try:
            first = next(iter(islice(iter(clip), 1)), None)
        except (OSError, ValueError) as error:
            problems.append(f"video {clip.name}: {error}")
            continue
        if first is None:
            problems.append(f"video {clip.name}: no frame of it can be read")
            continue
        readable += 1
        frames += announced_length(clip) or 1
        size = [max(size[0], first.image.shape[1]), max(size[1], first.image.shape[0])]
    problems += [f"videos: {path} was skipped" for path in getattr(getattr(clips, "report", None), "skipped", ())]
    return frames, size, readable


def _predictions(settings: Mapping[str, Any], videos: Mapping[str, Any]) -> list[str]:
    """Whether the predictions that round 0 is to begin from are there, for every clip."""
    try:
        predictions = StoredPredictions(**settings)
        clips = DATASETS.build({"_scope_": "mmselfhuman", **videos})
    except (FileNotFoundError, ValueError, TypeError, KeyError) as error:
        return [f"predictions: {error}"]
    lacking = [clip.name for clip in clips if not predictions.covers(clip.name)]
    return [f"predictions: {predictions.folder} has none for clip {name}" for name in lacking]


def _nobody(config: Mapping[str, Any], seg: Mapping[str, Any], transforms: Sequence[Mapping[str, Any]]) -> list[str]:
    """Whether the Seg Module that the loop begins with sees anybody at all at the beginning of some videos."""
    model = build_network(seg["configs"]["test"], seg["checkpoint"])
    predictor = SegmentorPredictor(model, [TRANSFORMS.build(dict(transform)) for transform in transforms])
    clips = DATASETS.build({"_scope_": "mmselfhuman", **config})
    chosen = [clips[index] for index in range(0, len(clips), max(1, len(clips) // _LOOKED_AT))][:_LOOKED_AT]
    for clip in chosen:
        for frame in islice(iter(clip), _LOOKED_AT):
            if predictor(clip.name, [frame])[0].argmax(0).any():
                return []
    names = ", ".join(clip.name for clip in chosen)
    return [f"seg: its checkpoint finds nobody in the first {_LOOKED_AT} frames of {len(chosen)} videos ({names})"]


def _network(name: str, network: Mapping[str, Any], problems: list[str]) -> int:
    """Check one network; returns how many parameters it has."""
    found: dict[str, tuple[int, ...]] = {}
    parameters = 0
    for kind, values in network["configs"].items():
        where = f"{name}, {kind}"
        with DefaultScope.overwrite_default_scope(values.get("default_scope", "mmselfhuman")):
            try:
                config = Config(dict(values))
                model = ALL_MODELS.build(config.model)
                parameters = sum(parameter.numel() for parameter in model.parameters())
                for hook in config.get("custom_hooks") or ():
                    ALL_HOOKS.build(dict(hook))
            except Exception as error:  # anything may be wrong with somebody's config
                problems.append(f"{where}: {type(error).__name__}: {error}")
                continue
            shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
            if found and shapes != found:
                problems.append(
                    f"{where}: the model is another than in the network's other configs{_first(found, shapes)}"
                )
            found = found or shapes
            problems += [f"{where}: {text}" for text in _data_and_hooks(kind, name, config, model)]
    if network["checkpoint"] and found:
        problems += [f"{name}, checkpoint: {text}" for text in _checkpoint(network["checkpoint"], found)]
    return parameters


def _data_and_hooks(kind: str, name: str, config: Config, model: torch.nn.Module) -> Iterator[str]:
    if kind != "test":
        if not any(hook == "checkpoint" and value for hook, value in (config.get("default_hooks") or {}).items()):
            yield "needs default_hooks.checkpoint, a CheckpointHook"
        if kind == "refine" and not has_hook(config, LABELLING_HOOKS.get(name, "")):
            yield f"needs the hook {LABELLING_HOOKS.get(name)} in custom_hooks"
        if kind in ("refine", "finetune") and not reads_pseudo_labels(config):
            yield "its train_dataloader reads no PseudoLabels, so that nothing would be learned from them"
    for part in ("test",) if kind == "test" else ("train", "val"):
        loader = config.get(f"{part}_dataloader")
        if loader is None:
            continue
        try:
            dataset = ALL_DATASETS.build(loader.dataset)
            dataset[0]
        except Exception as error:  # anything may be wrong with somebody's data
            without = "" if part == "train" else f" (without: {part}_dataloader = {part}_cfg = {part}_evaluator = None)"
            yield f"{_DATA[part]} data: {type(error).__name__}: {error}{without}"
        else:
            yield from _classes(name, dataset, model)


def _classes(name: str, dataset: Any, model: torch.nn.Module) -> Iterator[str]:
    classes = getattr(dataset, "metainfo", {}).get("classes")
    if name in ("seg", "pose2seg") and classes and hasattr(model, "decode_head"):
        outputs = number_of_classes(model)
        if len(classes) != outputs:
            yield f"the model tells {outputs} classes apart, its data have {len(classes)}"


def _checkpoint(path: str, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    try:
        content = CheckpointLoader.load_checkpoint(path, map_location="cpu")
        state = content.get("state_dict", content)
        own = {key: tuple(value.shape) for key, value in state.items() if isinstance(value, torch.Tensor)}
    except Exception as error:  # of torch, zipfile or pickle
        yield f"{path} cannot be read: {type(error).__name__}: {error}"
        return
    own = {key.removeprefix("module."): shape for key, shape in own.items()}
    missing = [key for key in shapes if key not in own and not key.endswith("num_batches_tracked")]
    if missing:
        yield f"{Path(path).name} does not fit its config: it lacks {len(missing)} tensors, such as {missing[0]}"
    other = [key for key in shapes if key in own and own[key] != shapes[key]]
    if other:
        yield (
            f"{Path(path).name} does not fit its config: {len(other)} tensors have another shape, such as {other[0]}, "
            f"{own[other[0]]} instead of {shapes[other[0]]}"
        )


def _first(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    keys = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
    key = min(keys)
    return f": {key} is {one.get(key, 'absent')} in one and {other.get(key, 'absent')} in the other"


def _megabytes(number: float) -> str:
    return f"{number / 2**20:.0f} MiB"
