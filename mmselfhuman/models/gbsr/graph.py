"""Skeleton graphs: 17 joints as nodes, their connections, and the crops that say what each joint looks like.

Poses are ``(..., 17, 3)`` of ``(x, y, score)`` in pixels, COCO order; a score of 0 means that the joint is missing.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmselfhuman.structures import JOINT_INDEX, LIMBS, NUM_JOINTS

NOSE, LEFT_SHOULDER, RIGHT_SHOULDER = (JOINT_INDEX[name] for name in ("nose", "left_shoulder", "right_shoulder"))

NECK_TO_NOSE = 0.15
"""|neck - nose| of an upright adult as a share of the pose's height; stands in where one of the three is missing."""

SMALLEST_CROP = 4.0

_LIMB_MATRIX = np.zeros((NUM_JOINTS, NUM_JOINTS), bool)
for _a, _b in LIMBS:
    _LIMB_MATRIX[_a, _b] = _LIMB_MATRIX[_b, _a] = True


def connections(poses: np.ndarray) -> np.ndarray:
    """The paper's ``C``: two joints are connected when a limb joins them and both are there.

    Args:
        poses: ``(..., 17, 3)``.

    Returns:
        ``(..., 17, 17)`` bool, symmetric.
    """
    present = poses[..., 2] > 0
    return _LIMB_MATRIX & present[..., :, None] & present[..., None, :]


def head_sizes(poses: np.ndarray) -> np.ndarray:
    """``|neck - nose|`` in pixels, the neck being the middle of the shoulders: the unit of length of a pose.

    Where the nose or a shoulder is missing, or the nose is in front of the neck (a head seen from above), at least half
    of what an upright person of the pose's extent would have stands in: 0.15 times the longer side of the joints' box.

    Args:
        poses: ``(..., 17, 3)``.

    Returns:
        ``(...)`` float64, at least 2 (half of the smallest crop).
    """
    present = poses[..., 2] > 0
    points = np.where(present[..., None], poses[..., :2], np.nan)
    low = np.where(present[..., None], poses[..., :2], np.inf).min(-2)
    high = np.where(present[..., None], poses[..., :2], -np.inf).max(-2)
    extent = np.where(present.any(-1), (high - low).max(-1, initial=0.0, where=np.isfinite(high - low)), 0.0)
    neck = (points[..., LEFT_SHOULDER, :] + points[..., RIGHT_SHOULDER, :]) / 2
    measured = np.linalg.norm(neck - points[..., NOSE, :], axis=-1)
    expected = NECK_TO_NOSE * extent
    size = np.where(np.isfinite(measured), np.maximum(measured, expected / 2), expected)
    return np.maximum(size, SMALLEST_CROP / 2)


def crop_sides(heads: np.ndarray, visibility: np.ndarray | None = None, smallest: float = 0.5) -> np.ndarray:
    """Sides of the square crops around the joints: ``2 |neck - nose|``, in the second pass less for the less visible.

    Args:
        heads: ``(...)`` from :func:`head_sizes`.
        visibility: ``(..., 17)`` in [0, 1] from the first matching; ``None`` in the first pass.
        smallest: The share of the side that is left to a joint of visibility 0.

    Returns:
        ``(..., 17)`` pixels.
    """
    sides = np.repeat(2 * heads[..., None], NUM_JOINTS, axis=-1)
    return sides if visibility is None else sides * (smallest + (1 - smallest) * visibility)


def crop(field: Tensor, centres: Tensor, sides: Tensor, resolution: int, size: tuple[int, int]) -> Tensor:
    """Cut squares out of an image, or of a feature map that covers the same image at any stride.

    Args:
        field: ``(C, h, w)``.
        centres: ``(K, 2)`` ``(x, y)`` in pixels of the image; a pixel's centre has whole coordinates.
        sides: ``(K,)`` in pixels of the image.
        resolution: Samples along a side, each at the middle of its part, bilinear; the border is continued outside.
        size: ``(height, width)`` of the image in pixels.

    Returns:
        ``(K, C, resolution, resolution)``.
    """
    steps = (torch.arange(resolution, device=field.device, dtype=field.dtype) + 0.5) / resolution - 0.5
    offsets = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    places = centres[:, None, None] + sides[:, None, None, None] * offsets
    height, width = size
    normalised = (2 * places + 1) / places.new_tensor([width, height]) - 1
    rows = normalised.reshape(1, len(centres), resolution * resolution, 2)
    samples = F.grid_sample(field[None], rows, padding_mode="border", align_corners=False)
    return samples[0].permute(1, 0, 2).reshape(len(centres), len(field), resolution, resolution)


@dataclass(frozen=True)
class Appearance:
    """What :class:`AppearanceCrops` needs of one frame.

    Attributes:
        image: ``(3, H, W)`` float32 in [0, 1].
        features: ``(C, h, w)`` of the extractor, or ``None``.
    """

    image: Tensor
    features: Tensor | None


class AppearanceCrops:
    """The node features ``f(l)``: crops of the feature map and of the image, which bring high- and low-level context.

    Both parts are divided by their lengths, so that the 1-norm between two nodes is the mean absolute difference of the
    image plus that of the feature map, in units of the frame's mean absolute feature.

    Args:
        image_resolution, feature_resolution: Samples along the sides of the two crops.
    """

    def __init__(self, image_resolution: int = 6, feature_resolution: int = 2) -> None:
        self.image_resolution, self.feature_resolution = image_resolution, feature_resolution

    def __call__(self, frame: Appearance, poses: np.ndarray, sides: np.ndarray) -> Tensor:
        """Describe the joints of a frame's persons.

        Args:
            frame: The frame.
            poses: ``(P, 17, 3)`` finite.
            sides: ``(P, 17)`` from :func:`crop_sides`.

        Returns:
            ``(P, 17, D)`` float32 on the frame's device; for missing joints too, where it means nothing.
        """
        image = frame.image
        size = (image.shape[1], image.shape[2])
        centres = torch.as_tensor(poses[..., :2].reshape(-1, 2)).to(image)
        lengths = torch.as_tensor(sides.reshape(-1)).to(image)
        parts = [crop(image, centres, lengths, self.image_resolution, size).flatten(1)]
        if frame.features is not None:
            features = frame.features / frame.features.abs().mean().clamp(min=1e-12)
            parts.append(crop(features, centres, lengths, self.feature_resolution, size).flatten(1))
        described = torch.cat([part / part.shape[1] for part in parts], 1)
        return described.reshape(len(poses), NUM_JOINTS, described.shape[1])
