"""Pose Module, Seg Module and Pose2Seg as one instance segmenter with MMDetection's interface."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmdet.models.detectors.base import BaseDetector
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmselfhuman.models.detectors.duplicates import distinct_masks, distinct_poses
from mmselfhuman.models.detectors.persons import FramePersons, FramePoses
from mmselfhuman.models.detectors.scores import MaskScore
from mmselfhuman.models.detectors.stopwatch import Stopwatch
from mmselfhuman.models.pose2seg import PersonFusion, compact, paste_windows, window_to_rle
from mmselfhuman.registry import MODELS


@MODELS.register_module()
class SelfHumanDetector(BaseDetector):
    """Images to persons with masks, poses, boxes and scores: section 3.4 of the paper without the refiners.

    The Pose Module finds persons, Pose2Seg says for each what the Seg Module's logits are to be added to, eq. (10).
    The three networks are trained apart, so there is no loss; each sees the image through transforms and a data
    preprocessor of its own. Masks are made at the resolution of the original image, person by person: memory does not
    grow with the number of persons.

    Args:
        pose: Config of the part that finds poses: :class:`PoseModule`, :class:`AnnotatedPoses` or
            :class:`StoredPoses`.
        pose2seg: Config of a :class:`~mmselfhuman.models.pose2seg.head.Pose2SegHead`; its ``batch_size`` bounds how
            many persons are in memory.
        seg: Config of a :class:`SegModule`; ``None``: Pose2Seg decides alone.
        fusion: Settings of :class:`~mmselfhuman.models.pose2seg.PersonFusion`: mode, weights, temperature.
        score: Settings of :class:`~mmselfhuman.models.detectors.scores.MaskScore`, as
            ``tools/analysis_tools/calibrate_scores.py`` prints them.
        min_pose_score: Poses with a lower score are not segmented.
        min_joint_score: Joints with a lower score are taken for missing; a person needs one joint.
        max_persons: At most so many per image, those with the best poses.
        same_pose: OKS from which two poses are of one person; above 1 all are kept.
        same_mask: IoU from which two masks are of one person; above 1 all are kept.
        data_preprocessor: Images need none: they may differ in size and keep their units. One that pads is borne,
            one that normalises is not.
        init_cfg: See :class:`mmengine.model.BaseModule`.

    Attributes:
        stopwatch: Seconds by part: pose, seg, pose2seg, and fusion (with pasting, encoding and scores).
    """

    def __init__(
        self,
        pose: dict | nn.Module,
        pose2seg: dict | nn.Module,
        seg: dict | nn.Module | None = None,
        fusion: dict | None = None,
        score: dict | None = None,
        min_pose_score: float = 0.05,
        min_joint_score: float = 0.1,
        max_persons: int = 100,
        same_pose: float = 0.9,
        same_mask: float = 0.7,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor or {"type": "mmengine.BaseDataPreprocessor"}, init_cfg)
        self.pose, self.pose2seg, self.seg = (
            MODELS.build(part) if isinstance(part, dict) else part for part in (pose, pose2seg, seg)
        )
        self.fusion, self.score = PersonFusion(**(fusion or {})), MaskScore(**(score or {}))
        self.min_pose_score, self.min_joint_score, self.max_persons = min_pose_score, min_joint_score, max_persons
        self.same_pose, self.same_mask = same_pose, same_mask
        self.stopwatch = Stopwatch()

    def loss(self, batch_inputs: Any, batch_data_samples: Any) -> dict:
        """There is none.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            "SelfHumanDetector is not trained as one: train its Seg Module (configs/seg), Pose Module (configs/pose) "
            "and Pose2Seg (configs/pose2seg), or all with tools/self_train.py, and join them with "
            "tools/misc/combine_checkpoints.py"
        )

    def extract_feat(self, batch_inputs: Tensor) -> list[Tensor]:
        """Logits of the Seg Module, see :meth:`seg_logits`."""
        return self.seg_logits(batch_inputs)

    def _forward(self, batch_inputs: Tensor, batch_data_samples: Any = None) -> tuple[list, list]:
        """Poses and logits of the Seg Module, before they are joined."""
        return self.poses(batch_inputs, batch_data_samples), self.seg_logits(batch_inputs)

    @torch.no_grad()
    def predict(self, batch_inputs: Sequence[Tensor] | Tensor, batch_data_samples: list, rescale: bool = True) -> list:
        """Find and segment the persons of some images.

        Args:
            batch_inputs: ``(3, h, w)`` each, BGR, 0 to 255, or all in one tensor, padded at the right and the bottom.
            batch_data_samples: mmdet's, with ``img_shape`` and ``ori_shape``.
            rescale: Give results in pixels of the original images (``ori_shape``) rather than of the inputs.

        Returns:
            The samples with ``pred_instances``, best first: ``bboxes`` ``(N, 4)`` ``(x1, y1, x2, y2)`` around the
            masks, ``scores`` ``(N,)``, ``labels`` ``(N,)`` 0, ``masks`` ``(N, H, W)`` bool, ``keypoints`` ``(N, 17,
            2)``, ``keypoint_scores`` ``(N, 17)``, ``pose_scores`` and ``pixel_scores`` ``(N,)``, of which ``scores``
            are made.
        """
        images = [
            image[:, : sample.img_shape[0], : sample.img_shape[1]]
            for image, sample in zip(batch_inputs, batch_data_samples, strict=True)
        ]
        sizes = [tuple(s.ori_shape[:2] if rescale else s.img_shape[:2]) for s in batch_data_samples]
        found = self.persons(images, self.poses(images, batch_data_samples), self.seg_logits(images), sizes)
        results = [to_instances(persons, image.device) for persons, image in zip(found, images, strict=True)]
        return self.add_pred_to_datasample(batch_data_samples, results)

    @torch.no_grad()
    def poses(self, images: Sequence[Tensor], samples: Sequence | None = None) -> list[FramePoses]:
        """Poses of some images, in their pixels; uncertain joints are missing, but nobody is left out."""
        with self.stopwatch("pose", _device(images)):
            found = self.pose(images, samples)
        for poses in found:
            poses.keypoints[poses.keypoints[..., 2] < self.min_joint_score] = 0
        self.stopwatch.frames += len(images)
        return found

    def candidates(self, poses: FramePoses) -> FramePoses:
        """Who is worth segmenting, best first: with a joint, sure enough, none twice, and not too many."""
        there = (poses.keypoints[..., 2] > 0).any(1) & (poses.scores >= self.min_pose_score)
        poses = poses[there]
        poses = poses[poses.scores.argsort(descending=True, stable=True)[: self.max_persons]]
        return poses[distinct_poses(poses.keypoints, poses.scores, self.same_pose)]

    @torch.no_grad()
    def seg_logits(self, images: Sequence[Tensor]) -> list[Tensor | None]:
        """What the Seg Module says about some images, ``(K, h, w)`` at its own resolution; ``None`` without one."""
        if self.seg is None:
            return [None] * len(images)
        with self.stopwatch("seg", _device(images)):
            return self.seg(images)

    @torch.no_grad()
    def persons(
        self,
        images: Sequence[Tensor],
        poses: Sequence[FramePoses],
        seg_logits: Sequence[Tensor | None],
        sizes: Sequence[tuple[int, int]] | None = None,
    ) -> list[FramePersons]:
        """Masks of persons whose poses are known.

        Args:
            images: ``(3, h, w)`` each, BGR, 0 to 255.
            poses: Of each image, in its pixels.
            seg_logits: Of each image, ``(K, ., .)`` at any resolution, from the Seg Module or refined by TPR.
            sizes: ``(height, width)`` at which masks are wanted, and in whose pixels results are; the images' own if
                ``None``.
        """
        sizes = sizes or [tuple(image.shape[-2:]) for image in images]
        return [self._of_image(*one) for one in zip(images, poses, seg_logits, sizes, strict=True)]

    def _of_image(
        self, image: Tensor, poses: FramePoses, seg_logits: Tensor | None, size: tuple[int, int]
    ) -> FramePersons:
        poses = self.candidates(poses)
        with self.stopwatch("pose2seg", image.device):
            logits, regions = self.pose2seg(image, poses.keypoints, poses.visibility)
        with self.stopwatch("fusion", image.device):
            scale = regions.new_tensor([size[1] / image.shape[-1], size[0] / image.shape[-2]])
            if seg_logits is not None and len(poses):
                seg_logits = F.interpolate(compact(seg_logits)[None], size, mode="bilinear", align_corners=False)[0]
            windows = paste_windows(compact(logits), regions * scale.repeat(2), size)
            masks, pixel_scores = [], []
            for person in self.fusion(windows, size, seg_logits if len(poses) else None):
                masks.append(window_to_rle(person.window, size))
                pixel_scores.append(person.score)
            pixel_scores = poses.scores.new_tensor(pixel_scores)
            scores = self.score(poses.scores, pixel_scores)
            keypoints = poses.keypoints.clone()
            keypoints[..., :2] = (keypoints[..., :2] + 0.5) * scale - 0.5
            scaled = FramePoses(keypoints, poses.scores, poses.visibility, poses.track_ids)
            persons = FramePersons(size, scaled, masks, pixel_scores, scores)
            persons = persons[pixel_scores.nonzero()[:, 0]]  # an empty mask is nobody's
            return persons[distinct_masks(persons.masks, persons.scores, self.same_mask)]


def to_instances(persons: FramePersons, device: torch.device | str = "cpu") -> InstanceData:
    """Persons as ``pred_instances``; see :meth:`SelfHumanDetector.predict`."""
    boxes = torch.as_tensor(persons.boxes(), dtype=torch.float32, device=device)
    boxes[:, 2:] += boxes[:, :2]
    instances = InstanceData(
        bboxes=boxes,
        scores=persons.scores,
        labels=torch.zeros(len(persons), dtype=torch.int64, device=device),
        masks=torch.from_numpy(persons.bitmaps()).to(device),
        keypoints=persons.poses.keypoints[..., :2],
        keypoint_scores=persons.poses.keypoints[..., 2],
        pose_scores=persons.poses.scores,
        pixel_scores=persons.mask_scores,
    )
    if persons.poses.track_ids is not None:
        instances.instances_id = persons.poses.track_ids
    return instances


def _device(images: Sequence[Tensor]) -> torch.device | str:
    return images[0].device if len(images) else "cpu"
