"""One person found twice: by two skeletons that are almost one, or by two masks that are."""

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torch import Tensor

from mmselfhuman.models.gbsr.association import pose_similarity


def distinct_poses(keypoints: Tensor, scores: Tensor, oks: float) -> Tensor:
    """Leave out who is almost the pose of a better one.

    It comes before fusion: in exclusive mode two skeletons of one person would share that person's mask.

    Args:
        keypoints: ``(n, 17, 3)`` of ``(x, y, score)`` in pixels.
        scores: ``(n,)``.
        oks: Object keypoint similarity, in [0, 1], from which two poses are of one person; above 1 all are kept.

    Returns:
        ``(k,)`` int64, best first; of equals the first comes first.
    """
    poses = keypoints.detach().cpu().numpy().astype(np.float64)
    return _distinct(pose_similarity(poses, poses), scores, oks)


def distinct_masks(masks: list[dict], scores: Tensor, iou: float) -> Tensor:
    """Leave out whose mask is almost that of a better one.

    Args:
        masks: n compressed RLEs of one frame.
        scores: ``(n,)``.
        iou: Intersection over union, in [0, 1], from which two masks are of one person; above 1 all are kept.

    Returns:
        ``(k,)`` int64, best first; of equals the first comes first.
    """
    overlap = np.zeros((0, 0)) if not masks else np.asarray(coco_mask.iou(masks, masks, [0] * len(masks)))
    return _distinct(overlap, scores, iou)


def _distinct(likeness: np.ndarray, scores: Tensor, threshold: float) -> Tensor:
    kept: list[int] = []
    for one in torch.argsort(scores, descending=True, stable=True).tolist():
        if not (likeness[one, kept] >= threshold).any():
            kept.append(one)
    return torch.tensor(kept, dtype=torch.int64, device=scores.device)
