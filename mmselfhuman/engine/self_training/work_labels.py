"""The round's final labels: what the refined networks say about the videos, and the frames that changed most."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import cv2
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.registry import MODELS as ALL_MODELS
from mmengine.registry import TRANSFORMS, init_default_scope
from mmengine.runner import load_checkpoint

from mmselfhuman.engine.label_making import (
    CollapseGuard,
    LabelMaker,
    Predictor,
    SegmentorPredictor,
    StoredPredictions,
    make_round,
)
from mmselfhuman.engine.label_making.signals import agreement
from mmselfhuman.engine.label_making.weights import weights_digest
from mmselfhuman.engine.self_training.fusion import FusedLabelMaker, pose2seg_head
from mmselfhuman.engine.self_training.ledger import Result
from mmselfhuman.engine.self_training.stages import plain
from mmselfhuman.engine.self_training.task import Task
from mmselfhuman.engine.self_training.work_networks import share_frames
from mmselfhuman.models.pose2seg import PersonFusion
from mmselfhuman.pseudo_labels import PseudoLabelStore, RoundReader
from mmselfhuman.pseudo_labels.clip_file import file_digest
from mmselfhuman.registry import DATASETS, HOOKS, MODELS
from mmselfhuman.structures import PseudoLabel
from mmselfhuman.visualization import contact_sheet, draw_masks

_SAMPLED = 400
"""So many frames of a round, evenly spread, are compared with what they were."""


def label(task: Task) -> Result:
    """Label the videos. Result: the store as ``labels``, ``changes.png`` as ``pictures``, signals in the facts."""
    settings = task.settings
    store = PseudoLabelStore(**settings["store"])
    share_frames(store.root, task)
    videos = DATASETS.build({"_scope_": "mmselfhuman", **settings["videos"]["config"]})
    number = task.stage.round
    maker = label_maker(settings)
    if task.input("poses", "labels") is not None:
        maker = _with_persons(maker, task)
    clock = time.monotonic()
    with torch.no_grad():
        provenance = {"made_by": "self_training", "videos": plain(settings["videos"]["config"])}
        guard = CollapseGuard(**settings.get("guard", {}))
        report = make_round(store, number, videos, _predictor(task), maker, guard, provenance)
    busy = time.monotonic() - clock
    if not is_main_process():
        return Result()
    outputs = {"labels": task.relative(store.root / "rounds" / f"{number:06d}")}
    facts: dict[str, Any] = {**report.summary(), "frames": report.signals.frames}
    if isinstance(maker, FusedLabelMaker):
        facts["signals"]["pose2seg"], facts["persons"] = _persons(store.read(number))
    elif "poses" in task.inputs:
        facts["persons"] = 0
    before = _labels_before(task, number, store)
    if before is not None and settings["pictures"]:
        path = task.folder / "changes.png"
        facts["changed"] = picture_changes(before, store.read(number), path, settings["pictures"])
        if path.exists():
            outputs["pictures"] = task.relative(path)
    manifest = file_digest(store.root / "rounds" / f"{number:06d}" / "manifest.json")
    return Result(outputs, manifest, {}, facts, busy=round(busy, 3))


def label_poses(task: Task) -> Result:
    """Look for poses on the videos. Result: the store as ``labels``."""
    settings = task.settings
    pose = build_network(settings["network"], task.input("pose"))
    hook = HOOKS.build({"_scope_": "mmselfhuman", **settings["hook"]})
    store = PseudoLabelStore(task.folder / "pseudo_labels", **settings["hook"]["store"])
    share_frames(store.root, task)
    videos = DATASETS.build({"_scope_": "mmselfhuman", **settings["videos"]["config"]})
    transforms = [TRANSFORMS.build(dict(transform)) for transform in hook.transforms]
    predictor = hook.predictor(pose, transforms, {"model": type(pose).__name__, "weights": weights_digest(pose)})
    provenance = {"made_by": "self_training", "videos": plain(settings["videos"]["config"])}
    clock = time.monotonic()
    report = make_round(store, 1, videos, predictor, hook.maker, hook.guard, provenance)
    busy = time.monotonic() - clock
    if not is_main_process():
        return Result()
    manifest = file_digest(store.root / "rounds" / "000001" / "manifest.json")
    return Result({"labels": task.relative(store.root)}, manifest, {}, report.summary(), busy=round(busy, 3))


def build_network(settings: Mapping[str, Any], weights: Path | None) -> torch.nn.Module:
    """A network in evaluation mode on the device that there is.

    Args:
        settings: Its ``model`` and ``default_scope``, and ``custom_imports`` if it has any.
        weights: Its checkpoint; ``None`` leaves it as it is initialised.
    """
    config = Config(dict(settings))
    if "custom_imports" in config:
        from mmengine.utils import import_modules_from_strings

        import_modules_from_strings(**config.custom_imports)
    init_default_scope(config.get("default_scope", "mmselfhuman"))
    model = ALL_MODELS.build(config.model)
    if weights is not None:
        load_checkpoint(model, str(weights), map_location="cpu")
    return model.to(get_device()).eval()


def picture_changes(before: RoundReader, after: RoundReader, path: Path, count: int) -> list[dict[str, Any]]:
    """Draw the frames whose labels changed most from one round to another: pixels, before, after, side by side.

    Args:
        before, after: The rounds; frames are looked for that are in both.
        path: Of the PNG; not written if no frame is in both.
        count: How many frames.

    Returns:
        Video, frame and agreement (IoU) of each that is drawn, the most changed first.
    """
    pairs = sorted(_compared(before, after), key=lambda pair: pair[0])[:count]
    rows, captions = [], []
    for share, old, new in pairs:
        image = cv2.imread(str(new.image))
        rows += [image, *(draw_masks(image, (one.semantic == 1)[None]) for one in (old, new))]
        captions += [f"{Path(new.image).parent.name} {new.frame}", "before", f"after, IoU {share:.2f}"]
    if rows:
        cv2.imwrite(str(path), contact_sheet(rows, 6 if rows[0].shape[1] <= 256 else 3, captions))
    return [
        {"video": Path(new.image).parent.name, "frame": new.frame, "agreement": round(share, 4)}
        for share, _, new in pairs
    ]


def _compared(before: RoundReader, after: RoundReader) -> Iterator[tuple[float, PseudoLabel, PseudoLabel]]:
    places = {before.key(index): index for index in range(len(before))}
    for index in range(0, len(after), max(1, len(after) // _SAMPLED)):
        old = before[places[after.key(index)]] if after.key(index) in places else None
        new = after[index]
        if old is not None and old.semantic is not None and new.semantic is not None:
            yield agreement(old.semantic, new.semantic, 0), old, new


def _labels_before(task: Task, number: int, store: PseudoLabelStore) -> RoundReader | None:
    if number - 1 in store.rounds():
        return store.read(number - 1)
    made = task.input("before", "labels")
    return PseudoLabelStore(made).read(1) if made is not None and PseudoLabelStore(made).rounds() else None


def label_maker(settings: Mapping[str, Any]) -> LabelMaker:
    """What makes the final labels, as a loop config's ``labels`` has it.

    Predictions that were given have a say in them beside the network's, where there is one.
    """
    refiner = {
        "type": "TemporalParsingRefiner",
        "rounds": 1,
        "window": settings["window"],
        **settings.get("refiner", {}),
    }
    chosen = {name: settings[name] for name in ("threshold", "background", "batch_size") if name in settings}
    given = StoredPredictions(**settings["predictions"]) if settings["predictions"] and settings["networks"] else None
    return LabelMaker(MODELS.build({"_scope_": "mmselfhuman", **refiner}), **chosen, given=given)


def _with_persons(maker: LabelMaker, task: Task) -> FusedLabelMaker:
    settings, network = task.settings, task.settings["networks"]["pose2seg"]
    pose2seg = build_network(network, task.input("pose2seg"))
    return FusedLabelMaker(
        **vars(maker),
        poses=PseudoLabelStore(task.input("poses", "labels")).read(),
        pose2seg=pose2seg_head(pose2seg, network["test_pipeline"]).eval(),
        fusion=PersonFusion(**{"mode": "exclusive", **settings.get("fusion", {})}),
        person_threshold=settings.get("person_threshold", 0.7),
    )


def _persons(labels: RoundReader) -> tuple[float, int]:
    """Mean agreement of TPR and Pose2Seg, and how many persons can be learned from."""
    agreements, persons = [], 0
    for index in range(len(labels)):
        label = labels.without_maps(index)
        agreements.append(label.provenance["pose2seg"])
        persons += sum(not person.crowd for person in label.persons)
    return fmean(agreements), persons


def _predictor(task: Task) -> Predictor:
    settings = task.settings
    if not settings["networks"]:
        return StoredPredictions(**settings["predictions"])
    seg = build_network(settings["networks"]["seg"], task.input("seg"))
    transforms = [TRANSFORMS.build(dict(transform)) for transform in settings.get("transforms", ())]
    return SegmentorPredictor(seg, transforms, {"model": type(seg).__name__, "weights": weights_digest(seg)})
