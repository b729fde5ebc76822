"""Frames of synthetic videos as a labelled set, for evaluation."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmselfhuman.datasets.synthetic.clips import SyntheticClip, SyntheticVideos
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import PersonImage

_PERSONS_PER_IMAGE = 64


@DATASETS.register_module()
class SyntheticVideoFrames:
    """All frames of a :class:`SyntheticVideos` with their truth, a :class:`~mmselfhuman.structures.PersonSource`.

    The videos are to be used without labels; this is how an evaluation reads their truth. Image ``i`` is frame
    ``i % num_frames`` of clip ``i // num_frames``, named ``{clip}_{frame:06d}.png``; ``track_id`` tells the persons of
    a clip apart.

    Args:
        split, num_videos, num_frames, size, seed, knobs: As :class:`SyntheticVideos` takes them.
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
        self._videos = SyntheticVideos(split, num_videos, num_frames, size, seed, knobs)
        self._num_frames = num_frames
        self._labels: dict[int, PersonImage] = {}
        self.name = f"{self._videos.name}_frames"

    def __len__(self) -> int:
        return len(self._videos) * self._num_frames

    def __getitem__(self, index: int) -> PersonImage:
        clip, frame = self._place(index)
        if index not in self._labels:
            width, height = clip.size
            persons = clip.truth(frame).persons(index * _PERSONS_PER_IMAGE + 1)
            file_name = f"{clip.name}_{frame:06d}.png"
            self._labels[index] = PersonImage(index + 1, file_name, height, width, persons)
        return self._labels[index]

    def image(self, index: int) -> np.ndarray:
        """``(H, W, 3)`` uint8, BGR."""
        clip, frame = self._place(index)
        return clip.image(frame)

    def _place(self, index: int) -> tuple[SyntheticClip, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name} has {len(self)} images, asked for number {index}")
        return self._videos[index // self._num_frames], index % self._num_frames
