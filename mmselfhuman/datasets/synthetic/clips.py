"""Unlabelled videos of synthetic people, and the truth about them that only evaluation reads."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from mmselfhuman.datasets.synthetic.domains import DomainKnobs, domain_knobs
from mmselfhuman.datasets.synthetic.randomness import Stream
from mmselfhuman.datasets.synthetic.sources import picture_size
from mmselfhuman.datasets.synthetic.truth import FrameTruth, frame_truth
from mmselfhuman.datasets.synthetic.world import FRAME_RATE, World
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import Frame


class Stage:
    """The worlds of the clips that were used last: one takes about a megabyte and some milliseconds to set up.

    Args:
        capacity: How many worlds are kept.
    """

    def __init__(self, capacity: int = 4) -> None:
        self._capacity = capacity
        self._worlds: dict[str, World] = {}

    def world(self, name: str, build: Callable[[], World]) -> World:
        """The world of this name, built if it is not there."""
        world = self._worlds.pop(name, None) or build()
        self._worlds[name] = world
        for oldest in list(self._worlds)[: -self._capacity]:
            self._worlds.pop(oldest, None)
        return world

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_worlds": {}}


class SyntheticClip:
    """One rendered video, a :class:`~mmselfhuman.structures.Clip`; any frame can be had without rendering others.

    Iterating gives :class:`~mmselfhuman.structures.Frame` objects, which carry images only. :meth:`truth` and
    :meth:`flow` are for evaluation; nothing that trains may call them.

    Args:
        name: Unique within its set.
        key: Names the clip's stream of random numbers.
        knobs: Of the domain.
        size: ``(width, height)`` in pixels.
        num_frames: Number of frames.
        stage: Keeps the clip's world between calls.
    """

    frame_rate = FRAME_RATE

    def __init__(
        self,
        name: str,
        key: tuple[int | str, ...],
        knobs: DomainKnobs,
        size: tuple[int, int],
        num_frames: int,
        stage: Stage,
    ) -> None:
        self.name, self.size, self.num_frames = name, size, num_frames
        self._key, self._knobs, self._stage = key, knobs, stage

    def __len__(self) -> int:
        return self.num_frames

    def __iter__(self) -> Iterator[Frame]:
        return (Frame(index, self.image(index)) for index in range(self.num_frames))

    def image(self, index: int) -> np.ndarray:
        """Frame ``index``, ``(H, W, 3)`` uint8, BGR."""
        world = self._world
        return world.develop(world.paint(self._checked(index)), index)

    def truth(self, index: int) -> FrameTruth:
        """Persons, masks and joints of frame ``index``. A person's number is the same in all frames."""
        return frame_truth(self._world, self._world.paint(self._checked(index)), index)

    def flow(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Exact optical flow between any two frames.

        Returns:
            ``(2, H, W)`` float32, from pixels of frame ``start`` to their places in frame ``end``, (x, y); and
            ``(H, W)`` bool, where what is seen in ``start`` is hidden or outside the picture in ``end``.
        """
        return self._world.flow(self._checked(start), self._checked(end))

    @property
    def _world(self) -> World:
        return self._stage.world(self.name, lambda: World(Stream(*self._key), self._knobs, self.size, self.num_frames))

    def _checked(self, index: int) -> int:
        if not 0 <= index < self.num_frames:
            raise IndexError(f"clip {self.name} has frames 0 to {self.num_frames - 1}, asked for {index}")
        return index


@DATASETS.register_module()
class SyntheticVideos:
    """A set of rendered videos.

    Args:
        split: Domain, ``'target'`` or ``'source'``.
        num_videos: How many clips.
        num_frames: How many frames each clip has, at 12 a second.
        size: ``(width, height)`` in pixels.
        seed: The same seed gives the same bytes, whatever the process, platform or order of reading.
        knobs: Fields of :class:`DomainKnobs` that differ from the domain's.

    Raises:
        ValueError: If the domain or a knob is unknown, or a number is out of range.
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
        for name, value in (("num_videos", num_videos), ("num_frames", num_frames)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        size, turned = picture_size(size), domain_knobs(split, knobs)
        self.name = f"synthetic_{split}_videos"
        stage = Stage()
        self._clips = [
            SyntheticClip(f"{split}_{index:04d}", ("video", seed, split, index), turned, size, num_frames, stage)
            for index in range(num_videos)
        ]

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, index: int) -> SyntheticClip:
        return self._clips[index]

    def __iter__(self) -> Iterator[SyntheticClip]:
        return iter(self._clips)
