"""Poses of frames, by any pose estimator of MMPose."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from mmselfhuman.engine.label_making.predictors import undisturbed
from mmselfhuman.models.detectors.pose_module import PoseModule
from mmselfhuman.structures import Frame

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
        test_cfg: Settings that replace those of the model's ``test_cfg``: ``dict(flip_test=True)`` averages heatmaps
            with those of the flipped frame.

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
        test_cfg: Mapping | None = None,
    ) -> None:
        self.model = checked_estimator(model)
        self.identity = dict(identity or {"model": type(self.model).__name__})
        self.boxes = boxes or {}
        self._test_cfg = dict(test_cfg or {})
        if self._test_cfg:
            self.identity["test_cfg"] = self._test_cfg
        self._module = PoseModule(self.model, transforms, self._corners)

    def __call__(self, clip: str, frames: Sequence[Frame]) -> list[np.ndarray]:
        images = [torch.from_numpy(frame.image).permute(2, 0, 1) for frame in frames]
        with undisturbed(self.model), self._as_told(), torch.no_grad():
            found = self._module(images, [(clip, frame.index) for frame in frames])
        return [poses.keypoints.numpy().astype(np.float64) for poses in found]

    @contextmanager
    def _as_told(self) -> Iterator[None]:
        found = self.model.test_cfg
        self.model.test_cfg = {**(found or {}), **self._test_cfg}
        try:
            yield
        finally:
            self.model.test_cfg = found

    def _corners(self, image: Tensor, place: tuple[str, int]) -> tuple[np.ndarray, np.ndarray]:
        """The boxes of a frame, ``(n, 4)`` float32 ``(x1, y1, x2, y2)``, and scores of 1."""
        clip, frame = place
        height, width = image.shape[1:]
        given = self.boxes.get(clip, {}).get(frame, np.array([[0.0, 0.0, width, height]]))
        boxes = np.asarray(given, dtype=np.float32).reshape(-1, 4)
        return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1), np.ones(len(boxes), np.float32)


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
