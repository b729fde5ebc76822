"""The Pose Module as a part of the detector: any pose estimator of MMPose."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmselfhuman.models.detectors.inputs import build_transforms, equally_large, frame_sample, transformed
from mmselfhuman.models.detectors.persons import FramePoses
from mmselfhuman.registry import MODELS
from mmselfhuman.structures import MIRRORED, NUM_JOINTS

_META_KEYS = (
    "ori_shape",
    "img_shape",
    "input_size",
    "input_center",
    "input_scale",
    "flip",
    "flip_direction",
    "flip_indices",
)


@MODELS.register_module()
class PoseModule(BaseModule):
    """Frames to poses by any bottom-up or top-down estimator with COCO's 17 joints.

    Args:
        estimator: Config of the estimator with its ``data_preprocessor``, or the estimator. Its checkpoints load into
            :attr:`estimator`.
        transforms: What a frame goes through on its way to it, without loading and packing: ``BottomupResize``, or
            ``GetBBoxCenterScale`` and ``TopdownAffine``.
        boxes: For top-down estimators, config of :class:`DetectedBoxes` or :class:`GivenBoxes`, or what is called like
            these. Without, the whole frame is one person's box. Bottom-up estimators need none.
        batch_size: How many frames, or persons of a top-down estimator, go through the network at a time.
        init_cfg: See :class:`mmengine.model.BaseModule`.

    Raises:
        TypeError: It is no pose estimator of MMPose.
    """

    def __init__(
        self,
        estimator: dict | nn.Module,
        transforms: Sequence[dict] = (),
        boxes: dict | Callable[[Tensor, Any], tuple[np.ndarray, np.ndarray]] | None = None,
        batch_size: int = 32,
        init_cfg: dict | None = None,
    ) -> None:
        from mmpose.datasets.transforms import PackPoseInputs
        from mmpose.models.pose_estimators import TopdownPoseEstimator
        from mmpose.models.pose_estimators.base import BasePoseEstimator

        super().__init__(init_cfg)
        self.estimator = MODELS.build(estimator) if isinstance(estimator, dict) else estimator
        if not isinstance(self.estimator, BasePoseEstimator):
            raise TypeError(f"expected a pose estimator of MMPose, got {type(self.estimator).__name__}")
        self.boxes = MODELS.build(boxes) if isinstance(boxes, dict) else boxes
        self.batch_size = batch_size
        self._top_down = isinstance(self.estimator, TopdownPoseEstimator)
        self._transforms = [*build_transforms(transforms), PackPoseInputs(meta_keys=_META_KEYS)]

    def forward(self, images: Sequence[Tensor], samples: Sequence[Any] | None = None) -> list[FramePoses]:
        """Poses of some frames.

        Args:
            images: ``(3, H, W)`` each, BGR, 0 to 255.
            samples: Their data samples, which ``GivenBoxes`` reads.
        """
        packed, owners = [], []
        for number, image in enumerate(images):
            for part in self._parts(image, samples[number] if samples else None):
                packed.append(transformed(part, self._transforms))
                owners.append(number)
        found: list[list[FramePoses]] = [[] for _ in images]
        results: dict[int, FramePoses] = {}
        for group in equally_large(packed, self.batch_size):
            outputs = self.estimator.test_step(pseudo_collate([packed[index] for index in group]))
            results.update(
                (i, _poses(one.pred_instances, self._top_down)) for i, one in zip(group, outputs, strict=True)
            )
        for number, owner in enumerate(owners):
            found[owner].append(results[number])
        return [_joined(parts, image.device) for parts, image in zip(found, images, strict=True)]

    def _parts(self, image: Tensor, sample: Any) -> list[dict]:
        """What the estimator sees of a frame: one sample for each person's box, or the frame."""
        frame = {**frame_sample(image), "flip_indices": list(MIRRORED)}
        if not self._top_down:
            return [frame]
        height, width = image.shape[-2:]
        if self.boxes is None:
            corners, scores = np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32)
        else:
            corners, scores = self.boxes(image, sample)
        return [
            {**frame, "bbox": corners[[n]].astype(np.float32), "bbox_score": scores[[n]].astype(np.float32)}
            for n in range(len(corners))
        ]


@MODELS.register_module()
class DetectedBoxes(BaseModule):
    """Where persons are, by any detector of MMDetection.

    Args:
        detector: Its config with its ``data_preprocessor``, or the detector.
        transforms: What a frame goes through, without loading and packing.
        person_label: Which of its classes is the person.
        min_score: Boxes with a lower score are left out.
        max_persons: At most so many boxes.
        init_cfg: See :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        detector: dict | nn.Module,
        transforms: Sequence[dict] = ({"type": "mmdet.Resize", "scale": (1333, 800), "keep_ratio": True},),
        person_label: int = 0,
        min_score: float = 0.3,
        max_persons: int = 100,
        init_cfg: dict | None = None,
    ) -> None:
        from mmdet.datasets.transforms import PackDetInputs

        super().__init__(init_cfg)
        self.detector = MODELS.build(detector) if isinstance(detector, dict) else detector
        self.person_label, self.min_score, self.max_persons = person_label, min_score, max_persons
        packing = PackDetInputs(meta_keys=("ori_shape", "img_shape", "scale_factor"))
        self._transforms = [*build_transforms(transforms), packing]

    def forward(self, image: Tensor, sample: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """``(n, 4)`` float32 ``(x1, y1, x2, y2)`` in pixels, and ``(n,)`` scores, best first."""
        (result,) = self.detector.test_step(pseudo_collate([transformed(frame_sample(image), self._transforms)]))
        instances = result.pred_instances
        found = instances[(instances.labels == self.person_label) & (instances.scores >= self.min_score)]
        order = found.scores.argsort(descending=True)[: self.max_persons]
        return found.bboxes[order].float().cpu().numpy(), found.scores[order].float().cpu().numpy()


@MODELS.register_module()
class GivenBoxes(BaseModule):
    """Where persons are, as their samples say: ``instances`` with ``bbox``, among the sample's meta information."""

    def forward(self, image: Tensor, sample: Any) -> tuple[np.ndarray, np.ndarray]:
        """``(n, 4)`` float32 ``(x1, y1, x2, y2)`` in pixels of ``image``, and scores of 1."""
        boxes = [one["bbox"] for one in sample.instances if not one.get("ignore_flag")]
        corners = np.asarray(boxes, np.float32).reshape(-1, 4)
        (height, width), (ori_height, ori_width) = image.shape[-2:], sample.ori_shape[:2]
        corners *= np.array([width / ori_width, height / ori_height] * 2, np.float32)
        if sample.get("flip"):
            corners[:, [0, 2]] = width - corners[:, [2, 0]]
        return corners, np.ones(len(corners), np.float32)


def _poses(instances: Any, top_down: bool) -> FramePoses:
    """Poses as MMPose gives them; joints that are not finite are missing.

    Bottom-up estimators score their persons, top-down ones are as sure of a person as the box is and the joints are.
    """
    points, scores = (np.asarray(instances[name], dtype=np.float64) for name in ("keypoints", "keypoint_scores"))
    if points.shape[1:] != (NUM_JOINTS, 2):
        raise ValueError(f"the pose estimator finds joints of shape {points.shape[1:]}, expected ({NUM_JOINTS}, 2)")
    keypoints = np.concatenate([points, np.clip(scores, 0, 1)[..., None]], axis=-1)
    keypoints[~np.isfinite(keypoints).all(-1)] = 0
    sure = keypoints[..., 2].mean(1)
    if "bbox_scores" in instances:
        given = np.clip(np.asarray(instances["bbox_scores"], dtype=np.float64).reshape(-1), 0, 1)
        sure = sure * given if top_down else given
    return FramePoses(torch.from_numpy(keypoints).float(), torch.from_numpy(sure).float())


def _joined(parts: Sequence[FramePoses], device: torch.device) -> FramePoses:
    keypoints = torch.cat([torch.zeros(0, NUM_JOINTS, 3), *(part.keypoints for part in parts)])
    scores = torch.cat([torch.zeros(0), *(part.scores for part in parts)])
    return FramePoses(keypoints.to(device), scores.to(device))
