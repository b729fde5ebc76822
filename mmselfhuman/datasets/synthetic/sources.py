"""Labelled stills of synthetic people: the :class:`PersonSource` that needs no files."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import PersonImage


@DATASETS.register_module()
class SyntheticPeople:
    """Rendered stills with exact labels, a :class:`~mmselfhuman.structures.PersonSource`.

    Args:
        split: ``'source_train'``, ``'source_test'`` (source domain) or ``'target_test'`` (target domain, in OCHuman's style
            with ``max_iou``).
        num_images: How many images; ``None`` takes the split's default size.
        size: ``(width, height)`` in pixels.
        seed: The same seed gives the same bytes, whatever the process, platform or number of workers.
        knobs: Fields of :class:`DomainKnobs` that differ from the split's domain.
    """

    def __init__(
        self,
        split: str = "source_train",
        num_images: int | None = None,
        size: tuple[int, int] = (128, 128),
        seed: int = 0,
        knobs: Mapping[str, Any] | None = None,
    ) -> None:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, index: int) -> PersonImage:
        raise NotImplementedError

    def image(self, index: int) -> np.ndarray:
        """``(H, W, 3)`` uint8, BGR."""
        raise NotImplementedError
