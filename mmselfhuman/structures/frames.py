"""Unlabelled video as plain data: frames, clips, and windows of consecutive frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded frame.

    Attributes:
        index: Position in the undecimated video, from 0 (damaged frames keep their number).
        image: ``(H, W, 3)`` uint8, BGR.
    """

    index: int
    image: np.ndarray


class Clip(Protocol):
    """One video. Iterating decodes it from the start, in order, a frame at a time.

    Attributes:
        name: Unique within its source and usable as a relative path without suffix.
    """

    name: str

    def __iter__(self) -> Iterator[Frame]: ...
