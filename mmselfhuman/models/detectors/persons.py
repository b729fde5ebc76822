"""The persons of one frame, before and after they have masks."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torch import Tensor

from mmselfhuman.structures import NUM_JOINTS


@dataclass(frozen=True, eq=False)
class FramePoses:
    """The poses of n persons.

    Attributes:
        keypoints: ``(n, 17, 3)`` float32 of ``(x, y, score)`` in pixels; a joint with score 0 is not there.
        scores: ``(n,)`` float32 in [0, 1], how sure it is that there is a person so posed.
        visibility: ``(n, 17)`` uint8, COCO's 0, 1, 2; ``None`` if nobody says which joints are hidden.
        track_ids: ``(n,)`` int64; ``None`` in still images.
    """

    keypoints: Tensor
    scores: Tensor
    visibility: Tensor | None = None
    track_ids: Tensor | None = None

    def __post_init__(self) -> None:
        n = len(self.keypoints)
        expected = {"keypoints": (n, NUM_JOINTS, 3), "scores": (n,), "visibility": (n, NUM_JOINTS), "track_ids": (n,)}
        for name, shape in expected.items():
            value = getattr(self, name)
            if value is not None and tuple(value.shape) != shape:
                raise ValueError(f"{name} are {tuple(value.shape)}, expected {shape}")

    def __len__(self) -> int:
        return len(self.keypoints)

    def __getitem__(self, index: Any) -> "FramePoses":
        """Some of them; by a slice, a tensor of indices or a mask."""
        return FramePoses(*(None if (v := getattr(self, f.name)) is None else v[index] for f in fields(self)))


@dataclass(frozen=True, eq=False)
class FramePersons:
    """N persons of one frame, best first.

    Attributes:
        frame_size: ``(height, width)`` in pixels.
        poses: In pixels of the frame.
        masks: N compressed COCO RLEs ``{'size', 'counts': bytes}``, none of them empty.
        mask_scores: ``(N,)`` float32, mean probability over each mask.
        scores: ``(N,)`` float32 in [0, 1], how good the mask is expected to be.
    """

    frame_size: tuple[int, int]
    poses: FramePoses
    masks: list[dict]
    mask_scores: Tensor
    scores: Tensor

    def __len__(self) -> int:
        return len(self.masks)

    def __getitem__(self, index: Tensor) -> "FramePersons":
        """Some of them, by a ``(k,)`` int64 tensor."""
        masks = [self.masks[number] for number in index.tolist()]
        return FramePersons(self.frame_size, self.poses[index], masks, self.mask_scores[index], self.scores[index])

    def boxes(self) -> np.ndarray:
        """``(N, 4)`` float64 ``(x, y, w, h)`` around the masks, in pixels, edge to edge."""
        return np.asarray(coco_mask.toBbox(self.masks), dtype=np.float64).reshape(-1, 4)

    def bitmaps(self) -> np.ndarray:
        """``(N, H, W)`` bool."""
        if not self.masks:
            return np.zeros((0, *self.frame_size), dtype=bool)
        return np.stack([coco_mask.decode(mask).astype(bool) for mask in self.masks])


def joined(parts: list[FramePersons]) -> FramePersons:
    """The persons of several findings in one frame, one after the other; tracks and visibility are left out.

    Args:
        parts: At least one, all of one frame size.
    """
    keypoints, scores, mask_scores, pose_scores = (
        torch.cat(list(values))
        for values in zip(
            *((part.poses.keypoints, part.scores, part.mask_scores, part.poses.scores) for part in parts), strict=True
        )
    )
    masks = [mask for part in parts for mask in part.masks]
    return FramePersons(parts[0].frame_size, FramePoses(keypoints, pose_scores), masks, mask_scores, scores)
