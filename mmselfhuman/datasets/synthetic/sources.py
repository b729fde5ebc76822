"""Labelled stills of synthetic people: the :class:`PersonSource` that needs no files."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mmselfhuman.datasets.synthetic.domains import domain_knobs
from mmselfhuman.datasets.synthetic.randomness import Stream
from mmselfhuman.datasets.synthetic.truth import FrameTruth, frame_truth
from mmselfhuman.datasets.synthetic.world import World
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import PersonImage

_PERSONS_PER_IMAGE = 64
_CACHED_BYTES = 512 * 2**20
_SETTINGS_KEPT = 4


@dataclass(frozen=True)
class Split:
    """A split of the stills: its domain and how many images it has by default."""

    domain: str
    num_images: int


SPLITS: dict[str, Split] = {
    "source_train": Split("source", 1000),
    "source_test": Split("source", 200),
    "target_test": Split("target", 400),
}


@DATASETS.register_module()
class SyntheticPeople:
    """Rendered stills with exact labels, a :class:`~mmselfhuman.structures.PersonSource`.

    Images are rendered when first asked for; labels are kept, and images too as long as they take no more than 512 MiB.
    Equal sources of a process share what they keep. A pickled source carries its settings only and renders again, to
    the same bytes, where it arrives.

    Args:
        split: ``'source_train'``, ``'source_test'`` (source domain) or ``'target_test'`` (target domain, in OCHuman's
            style with ``max_iou``).
        num_images: How many images; ``None`` takes the split's default size (1000, 200, 400).
        size: ``(width, height)`` in pixels.
        seed: The same seed gives the same bytes, whatever the process, platform or number of workers.
        knobs: Fields of :class:`DomainKnobs` that differ from the split's domain.

    Raises:
        ValueError: If the split or a knob is unknown, or a number is out of range.
    """

    def __init__(
        self,
        split: str = "source_train",
        num_images: int | None = None,
        size: tuple[int, int] = (128, 128),
        seed: int = 0,
        knobs: Mapping[str, Any] | None = None,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r} of the synthetic people; known are {sorted(SPLITS)}")
        self._size = picture_size(size)
        self._num_images = SPLITS[split].num_images if num_images is None else num_images
        if self._num_images < 1:
            raise ValueError(f"num_images must be at least 1, got {num_images}")
        self._split, self._seed = split, seed
        self._knobs = domain_knobs(SPLITS[split].domain, knobs)
        self.name = f"synthetic_{split}"
        self._share()

    def _share(self) -> None:
        self._labels, self._images = _rendered(self._split, self._seed, self._size, repr(self._knobs))

    def __len__(self) -> int:
        return self._num_images

    def __getitem__(self, index: int) -> PersonImage:
        index = self._checked(index)
        if index not in self._labels:
            self._render(index)
        return self._labels[index]

    def image(self, index: int) -> np.ndarray:
        """``(H, W, 3)`` uint8, BGR; a copy that the caller may change."""
        index = self._checked(index)
        image = self._images.get(index)
        return (self._render(index) if image is None else image).copy()

    def truth(self, index: int) -> FrameTruth:
        """Everything that is true about an image, also what a person file does not say (amodal masks, hidden
        persons)."""
        world = self._world(self._checked(index))
        return frame_truth(world, world.paint(0), 0)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_labels", "_images")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._share()

    def _checked(self, index: int) -> int:
        if not -self._num_images <= index < self._num_images:
            raise IndexError(f"{self.name} has {self._num_images} images, asked for number {index}")
        return int(index) % self._num_images

    def _world(self, index: int) -> World:
        return World(Stream("still", self._seed, self._split, index), self._knobs, self._size)

    def _render(self, index: int) -> np.ndarray:
        world = self._world(index)
        painting = world.paint(0)
        image = world.develop(painting, 0)
        width, height = self._size
        persons = frame_truth(world, painting, 0).persons(index * _PERSONS_PER_IMAGE + 1)
        self._labels[index] = PersonImage(index + 1, f"{self._split}_{index:06d}.png", height, width, persons)
        if (len(self._images) + 1) * image.nbytes <= _CACHED_BYTES:
            self._images[index] = image
        return image


@lru_cache(maxsize=_SETTINGS_KEPT)
def _rendered(
    split: str, seed: int, size: tuple[int, int], knobs: str
) -> tuple[dict[int, PersonImage], dict[int, np.ndarray]]:
    """Labels and images by index, for all sources with these settings."""
    return {}, {}


def picture_size(size: tuple[int, int]) -> tuple[int, int]:
    """Check ``(width, height)``.

    Raises:
        ValueError: If it is not a pair of integers from 32 to 4096.
    """
    pair = tuple(size)
    if len(pair) != 2 or not all(isinstance(part, int) and 32 <= part <= 4096 for part in pair):
        raise ValueError(f"size must be (width, height) in pixels, each from 32 to 4096, got {size!r}")
    return pair
