"""Poses that somebody else has found, or annotated, in the Pose Module's place."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from mmengine.fileio import load
from mmengine.model import BaseModule
from torch import Tensor

from mmselfhuman.evaluation.results_file import read_results
from mmselfhuman.models.detectors.persons import FramePoses
from mmselfhuman.models.pose2seg import poses_from_coco
from mmselfhuman.registry import MODELS
from mmselfhuman.structures import MIRRORED, NUM_JOINTS


class _Given(BaseModule):
    """Puts poses given in pixels of the original image where the network's input has them."""

    def forward(self, images: Sequence[Tensor], samples: Sequence[Any]) -> list[FramePoses]:
        """Poses of some frames; see :class:`~mmselfhuman.models.detectors.pose_module.PoseModule`."""
        return [
            placed(self.given(sample), sample, tuple(image.shape[-2:]), image.device)
            for image, sample in zip(images, samples, strict=True)
        ]

    def given(self, sample: Any) -> FramePoses:
        """Poses in pixels of the original image."""
        raise NotImplementedError


@MODELS.register_module()
class AnnotatedPoses(_Given):
    """The poses that come with the samples: the literature's separate column of masks from annotated poses.

    Samples carry ``instances`` among their meta information, each with ``keypoints`` (51 numbers, COCO's ``(x, y,
    v)``, pixels of the original image); ``PackDetInputs`` packs them if ``meta_keys`` names ``instances``. Persons
    without a labelled joint and ignored ones are left out. Hidden joints are known to be hidden, and every score is 1.
    """

    def given(self, sample: Any) -> FramePoses:
        """Poses in pixels of the original image."""
        if "instances" not in sample:
            raise ValueError(
                "the samples bring no annotated poses: name 'instances' in the meta_keys of the pipeline's "
                f"PackDetInputs; there are {sorted(sample.metainfo_keys())}"
            )
        numbers = [one["keypoints"] for one in sample.instances if not one.get("ignore_flag")]
        keypoints = torch.as_tensor(np.asarray(numbers, np.float32).reshape(-1, NUM_JOINTS, 3))
        poses, visibility = poses_from_coco(keypoints)
        labelled = (visibility > 0).any(1)
        return FramePoses(poses[labelled], torch.ones(int(labelled.sum())), visibility[labelled])


@MODELS.register_module()
class StoredPoses(_Given):
    """Poses of any other model, from a file with COCO keypoint results.

    Results join samples by ``file_name``, the last part of its path. The third number of each keypoint is its score.

    Args:
        file: The JSON file.
        ann_file: The COCO-format annotations whose image ids the results have; not needed where results have
            ``file_name``.
        min_score: Persons with a lower score are left out.
        init_cfg: See :class:`mmengine.model.BaseModule`.

    Raises:
        FileNotFoundError, ValueError: See :func:`~mmselfhuman.evaluation.results_file.read_results`.
    """

    def __init__(
        self, file: str, ann_file: str | None = None, min_score: float = 0.0, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        images = [] if ann_file is None else load(ann_file)["images"]
        results, _ = read_results(file, "keypoints", {image["id"]: image["file_name"] for image in images})
        self._by_name: dict[str, list[dict]] = defaultdict(list)
        for result in results:
            if result["score"] >= min_score:
                self._by_name[PurePath(result["file_name"]).name].append(result)

    def given(self, sample: Any) -> FramePoses:
        """Poses in pixels of the original image."""
        results = self._by_name.get(PurePath(sample.img_path).name, ())
        numbers = np.asarray([one["keypoints"] for one in results], np.float32).reshape(-1, NUM_JOINTS, 3)
        keypoints = torch.from_numpy(numbers)
        keypoints[..., 2].clamp_(0, 1)
        scores = torch.tensor([one["score"] for one in results], dtype=torch.float32)
        return FramePoses(keypoints, scores.clamp(0, 1))


def placed(poses: FramePoses, sample: Any, size: tuple[int, int], device: torch.device) -> FramePoses:
    """Poses in pixels of the original image, in those of the resized and perhaps mirrored one.

    Args:
        poses: As given.
        sample: Says ``ori_shape``, and ``flip`` if the image is mirrored left to right.
        size: ``(height, width)`` of the resized image.
        device: Where they are to be.
    """
    keypoints, visibility = poses.keypoints.clone(), poses.visibility
    height, width = sample.ori_shape[:2]
    scale = torch.tensor([size[1] / width, size[0] / height])
    keypoints[..., :2] = (keypoints[..., :2] + 0.5) * scale - 0.5
    if sample.get("flip"):
        mirrored = list(MIRRORED)
        keypoints = keypoints[:, mirrored]
        keypoints[..., 0] = size[1] - 1 - keypoints[..., 0]
        visibility = None if visibility is None else visibility[:, mirrored]
    return FramePoses(
        keypoints.to(device), poses.scores.to(device), None if visibility is None else visibility.to(device)
    )
