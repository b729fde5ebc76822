"""Clips and predictors whose labels can be told in advance."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmselfhuman.engine.label_making import LabelMaker
from mmselfhuman.models.flow import DISFlow
from mmselfhuman.models.tpr import TemporalParsingRefiner
from mmselfhuman.structures import Frame

SIZE = 32


class Square:
    """A clip of a bright, textured square that moves to the right over a dark, textured ground by 1 pixel a frame.

    Args:
        name: Of the clip.
        length: How many frames.
        fails_at: The frame at which reading it ends in an error.
    """

    def __init__(self, name: str, length: int = 6, fails_at: int | None = None) -> None:
        self.name, self.length, self.fails_at = name, length, fails_at

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.length):
            if index == self.fails_at:
                raise OSError(f"{self.name}: frame {index} is on a bad sector")
            yield Frame(index, self.image(index))

    def image(self, index: int) -> np.ndarray:
        rng = np.random.default_rng(0)
        image = rng.integers(0, 60, (SIZE, SIZE, 3), dtype=np.uint8)
        square = rng.integers(180, 255, (14, 14, 3), dtype=np.uint8)
        image[8:22, 6 + index % 10 : 20 + index % 10] = square
        return image


class Brightness:
    """Bright pixels are persons, and it is rather sure of it.

    Args:
        margin: The larger logit; the other is 0.
    """

    num_classes = 2

    def __init__(self, margin: float = 6.0, bias: float = 0.0) -> None:
        self.margin, self.bias = margin, bias
        self.identity = {"brightness": [margin, bias]}
        self.asked: list[tuple[str, int]] = []

    def __call__(self, clip: str, frames: Sequence[Frame]) -> list[Tensor]:
        self.asked += [(clip, frame.index) for frame in frames]
        bright = [torch.from_numpy(frame.image.mean(axis=2) > 120).float() for frame in frames]
        return [torch.stack([(1 - mask) * self.margin, mask * self.margin + self.bias]) for mask in bright]


def maker(**settings) -> LabelMaker:
    """One round of TPR, in batches of 4."""
    return LabelMaker(TemporalParsingRefiner(DISFlow("ultrafast"), rounds=1), **{"batch_size": 4, **settings})


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a store's rounds and frames, by their paths."""
    parts = [path for part in ("rounds", "frames") for path in (folder / part).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in parts}
