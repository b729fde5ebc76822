"""Unlabelled videos of synthetic people, and the truth about them that only evaluation reads."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import Frame


class SyntheticClip:
    """One rendered video, a :class:`~mmselfhuman.structures.Clip`; any frame can be had without rendering others.

    Iterating gives :class:`Frame` objects, images only. ``clip.truth(k)`` (persons, masks, joints) and ``clip.flow(k, k + 1)``
    are for evaluation.
    """

    name: str

    def __len__(self) -> int:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Frame]:
        raise NotImplementedError

    def image(self, index: int) -> np.ndarray:
        """``(H, W, 3)`` uint8, BGR."""
        raise NotImplementedError


@DATASETS.register_module()
class SyntheticVideos:
    """A set of rendered videos.

    Args:
        split: Domain, ``'target'`` or ``'source'``.
        num_videos: How many clips.
        num_frames: How many frames each clip has.
        size: ``(width, height)`` in pixels.
        seed: The same seed gives the same bytes.
        knobs: Fields of :class:`DomainKnobs` that differ from the domain's.
    """

    def __init__(
        self,
        split: str = "target",
        num_videos: int = 24,
        num_frames: int = 32,
        size: tuple[int, int] = (128, 128),
        seed: int = 0,
        knobs: Mapping[str, Any] | None = None,
    ) -> None:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, index: int) -> SyntheticClip:
        raise NotImplementedError

    def __iter__(self) -> Iterator[SyntheticClip]:
        raise NotImplementedError
