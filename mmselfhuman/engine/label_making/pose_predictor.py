"""Poses of frames, by any pose estimator of MMPose."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import is_model_wrapper
from torch import nn

from mmselfhuman.engine.label_making.predictors import undisturbed
from mmselfhuman.structures import MIRRORED, NUM_JOINTS, Frame

Boxes = Mapping[str, Mapping[int, np.ndarray]]
"""Clip name -> frame index -> ``(P, 4)`` boxes ``(x, y, w, h)`` in pixels."""


class PosePredictor(Protocol):
    """Frames to poses.

    Attributes:
        identity: JSON-able; two predictors of one identity say the same about the same frames.
    """

    identity: dict

    def __call__(self, clip: str, frames: Sequence[Frame]) -> list[np.ndarray]:
        """Predict some consecutive frames of a clip.

        Returns:
            For each frame, ``(P, 17, 3)`` float64 of ``(x, y, score)`` in pixels, scores in [0, 1].
        """


class PoseEstimatorPredictor:
    """Any pose estimator of MMPose, by its own ``test_step``; the model is left as it was found.

    Args:
        model: The estimator, or its data-parallel wrapper.
        transforms: What a frame goes through on its way to the model, as transforms without loading and packing:
            ``BottomupResize``, or ``GetBBoxCenterScale`` and ``TopdownAffine``.
        boxes: Where persons are, for top-down models. A frame that is not in it has one box, the whole frame;
            bottom-up models need none.
        identity: Names the model's weights.

    Attributes:
        model: Without wrapper.
        boxes: As given.

    Raises:
        TypeError: The model is no pose estimator of MMPose.
    """

    def __init__(
        self,
        model: nn.Module,
        transforms: Sequence[Callable[[dict], dict]],
        boxes: Boxes | None = None,
        identity: dict | None = None,
    ) -> None:
        from mmpose.datasets.transforms import PackPoseInputs

        self.model = checked_estimator(model)
        self.identity = identity or {"model": type(self.model).__name__}
        self.boxes = boxes or {}
        self._pipeline = [*transforms, PackPoseInputs(meta_keys=_META_KEYS)]
        self._top_down = is_top_down(self.model)

    def __call__(self, clip: str, frames: Sequence[Frame]) -> list[np.ndarray]:
        inputs, owners = [], []
        for number, frame in enumerate(frames):
            for part in self._parts(clip, frame):
                inputs.append(self._prepared(part))
                owners.append(number)
        found: list[list[np.ndarray]] = [[] for _ in frames]
        if inputs:
            with undisturbed(self.model), torch.no_grad():
                samples = self.model.test_step(pseudo_collate(inputs))
            for owner, sample in zip(owners, samples, strict=True):
                found[owner].append(_poses(sample.pred_instances))
        empty = np.zeros((0, NUM_JOINTS, 3))
        return [np.concatenate([empty, *poses]) for poses in found]

    def _parts(self, clip: str, frame: Frame) -> list[dict]:
        """The samples that the model sees of a frame: one for each person's box, or the frame."""
        height, width = frame.image.shape[:2]
        sample = {"img": frame.image, "img_shape": (height, width), "ori_shape": (height, width)}
        sample |= {"id": frame.index, "img_id": frame.index, "img_path": f"{clip}/{frame.index}"}
        sample |= {"flip_indices": list(MIRRORED)}  # for models that look at the mirrored image, too
        if not self._top_down:
            return [sample]
        whole = np.array([[0.0, 0.0, width, height]])
        boxes = np.asarray(self.boxes.get(clip, {}).get(frame.index, whole), dtype=np.float32).reshape(-1, 4)
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        return [{**sample, "bbox": box[None], "bbox_score": np.ones(1, np.float32)} for box in corners]

    def _prepared(self, sample: dict) -> dict:
        for transform in self._pipeline:
            sample = transform(sample)
        return sample


def checked_estimator(model: nn.Module) -> nn.Module:
    """The pose estimator inside a data-parallel wrapper, if any.

    Raises:
        TypeError: It is no pose estimator of MMPose.
    """
    from mmpose.models.pose_estimators.base import BasePoseEstimator

    inner = model.module if is_model_wrapper(model) else model
    if not isinstance(inner, BasePoseEstimator):
        raise TypeError(f"expected a pose estimator of MMPose, got {type(inner).__name__}")
    return inner


def is_top_down(model: nn.Module) -> bool:
    """Whether a pose estimator sees one person's box at a time."""
    from mmpose.models.pose_estimators import TopdownPoseEstimator

    return isinstance(model, TopdownPoseEstimator)


def _poses(instances: Any) -> np.ndarray:
    """``(P, 17, 3)``; joints that are not finite are missing."""
    points, scores = (np.asarray(instances[name], dtype=np.float64) for name in ("keypoints", "keypoint_scores"))
    if points.shape[1:] != (NUM_JOINTS, 2):
        raise ValueError(f"the model predicts joints of shape {points.shape[1:]}, expected ({NUM_JOINTS}, 2)")
    poses = np.concatenate([points, np.clip(scores, 0, 1)[..., None]], axis=-1)
    poses[~np.isfinite(poses).all(-1)] = 0
    return poses


_META_KEYS = (
    "id",
    "img_id",
    "img_path",
    "ori_shape",
    "img_shape",
    "input_size",
    "input_center",
    "input_scale",
    "flip",
    "flip_direction",
    "flip_indices",
)
