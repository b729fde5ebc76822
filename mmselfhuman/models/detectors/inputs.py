"""Frames on their way into somebody else's network: its own transforms, equally large pictures together."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmselfhuman.registry import TRANSFORMS

Transform = Callable[[dict], dict | None]


def build_transforms(transforms: Sequence[dict | Transform]) -> list[Transform]:
    """Transforms from their configs."""
    return [TRANSFORMS.build(one) if isinstance(one, dict) else one for one in transforms]


def transformed(sample: dict, transforms: Iterable[Transform]) -> Any:
    """A sample after all of them."""
    for transform in transforms:
        sample = transform(sample)
    return sample


def frame_sample(image: Tensor) -> dict:
    """A ``(3, H, W)`` frame as MM transforms expect it: ``img`` ``(H, W, 3)`` uint8 BGR, and its shape."""
    size = tuple(image.shape[-2:])
    return {"img": to_array(image), "img_shape": size, "ori_shape": size}


def to_array(image: Tensor) -> np.ndarray:
    """``(3, H, W)`` in [0, 255] -> ``(H, W, 3)`` uint8."""
    if image.dtype != torch.uint8:
        image = image.round().clamp(0, 255).to(torch.uint8)
    return image.permute(1, 2, 0).contiguous().cpu().numpy()


def equally_large(packed: Sequence[dict], at_most: int) -> Iterator[list[int]]:
    """Indices of samples whose ``inputs`` have one size, at most so many at a time; every index once."""
    groups: dict[tuple, list[int]] = defaultdict(list)
    for number, sample in enumerate(packed):
        groups[tuple(sample["inputs"].shape)].append(number)
    for members in groups.values():
        for start in range(0, len(members), at_most):
            yield members[start : start + at_most]
