"""GBSR in any training of MMPose: refine the poses of the videos with the current network, and train on."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.runner import Runner
from torch import nn

from mmselfhuman.engine.hooks.label_rounds_hook import LabelRoundsHook
from mmselfhuman.engine.label_making.pose_maker import PoseLabelMaker
from mmselfhuman.engine.label_making.pose_predictor import (
    Boxes,
    PoseEstimatorPredictor,
    checked_estimator,
    is_top_down,
)
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
from mmselfhuman.registry import HOOKS, MODELS

LINES_TO_ADD = """\
custom_imports = dict(imports=['mmselfhuman'])
train_dataloader = dict(
    sampler=dict(_delete_=True, type='mmselfhuman.{sampler}'),
    dataset=dict(
        _delete_=True,
        type='mmselfhuman.PseudoLabelDataset',
        labelled=_base_.train_dataloader.dataset,
        pseudo=dict(
            type='PersonPoseDataset',
            data_mode=_base_.train_dataloader.dataset.data_mode,
            filter_cfg=dict(filter_empty_gt=True),
            source=dict(type='PseudoLabels', store={store!r}),
            # your transforms, without the one that loads
            pipeline=[dict(type='mmselfhuman.LoadPersonImage'), *_base_.train_pipeline[1:]])))"""


@HOOKS.register_module()
class GBSRHook(LabelRoundsHook):
    """Alternate pose refinement and training: N_GBSR rounds, section 3.2 and Algorithm 1 of the paper.

    The network's poses on the unlabelled videos are refined by GBSR and become pseudo-labels, which the training
    dataset mixes with the labelled data; when, and how it resumes, says
    :class:`~mmselfhuman.engine.hooks.label_rounds_hook.LabelRoundsHook`.

    Args:
        videos: The config of unlabelled videos, e.g. ``dict(type='UnlabelledVideos', paths='data/videos/')``.
        interval: Epochs or iterations of training between rounds.
        transforms: What a frame goes through before the network, without loading and packing: those of the test
            pipeline (``BottomupResize``; or ``GetBBoxCenterScale`` and ``TopdownAffine``).
        rounds: N_GBSR; 1 in the paper, where 2 changed nothing.
        start: Epochs or iterations of training before the first round; 0 for a network that has been trained.
        store: Folder of the store, or a dict with ``root`` and settings of ``PseudoLabelStore``. By default, that which
            the training dataset reads.
        refiner: Settings of :class:`~mmselfhuman.models.gbsr.refiner.GraphPoseRefiner`; ``extractor`` is a config.
        flow: Config of the flow estimator.
        person_threshold, joint_threshold, nobody_threshold, batch_size, segment: Of
            :class:`~mmselfhuman.engine.label_making.pose_maker.PoseLabelMaker`.
        boxes: For top-down models, where persons are in the videos: a JSON file ``{clip: {frame: [[x, y, w, h],
            ...]}}`` in pixels. Frames that it lacks have one box, the whole frame.
        test_cfg: Settings of the network's ``test_cfg`` that count while it labels: ``dict(flip_test=True)`` for poses
            on which frame and flipped frame agree, at twice the time.
        guard: Settings of :class:`~mmselfhuman.engine.label_making.pose_signals.PoseCollapseGuard`.
        keep: How many rounds stay on disk, at least 2; ``None`` keeps all. A run that is resumed before them fails.

    Raises:
        ValueError: A setting is out of its range, or the file of boxes is not as it should be.
        TypeError: A setting of the refiner or the guard does not exist.
        FileNotFoundError: There is no file of boxes.
    """

    curves = "gbsr"
    lines_to_add = LINES_TO_ADD

    def __init__(
        self,
        videos: Mapping | Sequence,
        interval: int,
        transforms: Sequence[Mapping],
        rounds: int = 1,
        start: int = 0,
        store: str | os.PathLike | Mapping | None = None,
        refiner: Mapping | None = None,
        flow: Mapping | None = None,
        person_threshold: float = 0.2,
        joint_threshold: float = 0.15,
        nobody_threshold: float = 0.03,
        batch_size: int = 8,
        segment: int = 128,
        boxes: str | os.PathLike | None = None,
        test_cfg: Mapping | None = None,
        guard: Mapping | None = None,
        keep: int | None = None,
    ) -> None:
        settings = dict(refiner or {})
        if settings.get("extractor") is not None:
            extractor = MODELS.build({"_scope_": "mmselfhuman", **settings["extractor"]})
            settings["extractor"] = extractor.eval()
        maker = PoseLabelMaker(
            GraphPoseRefiner(**settings),
            MODELS.build({"_scope_": "mmselfhuman", **(flow or {"type": "DISFlow"})}),
            person_threshold,
            joint_threshold,
            nobody_threshold,
            batch_size,
            segment,
        )
        self.boxes = None if boxes is None else read_boxes(boxes)
        self.test_cfg = dict(test_cfg or {})
        super().__init__(videos, maker, interval, rounds, start, store, transforms, guard, keep)

    def predictor(
        self, model: nn.Module, transforms: list[Callable[[dict], dict]], identity: dict
    ) -> PoseEstimatorPredictor:
        return PoseEstimatorPredictor(model, transforms, self.boxes, identity, self.test_cfg)

    def check_model(self, runner: Runner) -> None:
        """Whether the model is a pose estimator, and its transforms make what it takes.

        Raises:
            TypeError: It is not.
            ValueError: They do not.
        """
        needed = "TopdownAffine" if is_top_down(checked_estimator(runner.model)) else "BottomupResize"
        kinds = [str(transform["type"]).split(".")[-1] for transform in self.transforms]
        if needed not in kinds:
            raise ValueError(f"GBSRHook: transforms must contain {needed} for this model, got {kinds}")


def read_boxes(path: str | os.PathLike) -> Boxes:
    """Read boxes of persons.

    Args:
        path: JSON, ``{clip: {frame: [[x, y, w, h], ...]}}`` in pixels.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such file; the message names clip and frame.
    """
    try:
        content = json.loads(Path(path).read_text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: malformed JSON: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(frames, dict) for frames in content.values()):
        raise ValueError(f"{path}: expected {{clip: {{frame: [[x, y, w, h], ...]}}}}, got a {type(content).__name__}")
    boxes: dict[str, dict[int, np.ndarray]] = {}
    for clip, frames in content.items():
        boxes[clip] = {}
        for frame, rows in frames.items():
            array = _box_rows(rows)
            if array is None or not frame.isdecimal():
                raise ValueError(f"{path}: clip {clip!r}, frame {frame}: expected boxes (x, y, w, h), got {rows}")
            boxes[clip][int(frame)] = array
    return boxes


def _box_rows(rows: Any) -> np.ndarray | None:
    """``(n, 4)`` boxes, ``None`` if they are none."""
    try:
        array = np.array(rows or [], dtype=np.float64).reshape(-1, 4)
    except (TypeError, ValueError, OverflowError):
        return None
    return array if np.isfinite(array).all() and (array[:, 2:] > 0).all() else None
