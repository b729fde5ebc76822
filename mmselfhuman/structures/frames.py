"""Unlabelled video as plain data: frames, clips, and windows of consecutive frames."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np

T = TypeVar("T")

LONGEST_WINDOW = 999
"""Frames. All of a window are in memory at once."""


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


@dataclass(frozen=True, eq=False)
class FrameWindow(Generic[T]):
    """Consecutive frames and the one among them that the window is about.

    Attributes:
        frames: In temporal order; :class:`Frame` objects, or whatever was computed from one frame each.
        center: Position in ``frames`` of the frame that the window is about.
    """

    frames: tuple[T, ...]
    center: int

    @property
    def center_frame(self) -> T:
        """The frame that the window is about."""
        return self.frames[self.center]

    def __len__(self) -> int:
        return len(self.frames)


def window_offsets(window: int, least: int = 1) -> tuple[int, ...]:
    """The neighbours of a frame in a temporal window, as distances in frames.

    Args:
        window: Number of frames, the one in question included.
        least: The fewest frames that are of use.

    Returns:
        In temporal order, without 0. An even window has its odd frame ahead: 2 is (1,), 3 is (-1, 1), 4 is (-1, 1, 2).

    Raises:
        ValueError: ``window`` is no whole number from ``least`` to :data:`LONGEST_WINDOW`.
    """
    if isinstance(window, bool) or not isinstance(window, int) or not least <= window <= LONGEST_WINDOW:
        raise ValueError(f"window: expected at least {least} and at most {LONGEST_WINDOW} frames, got {window}")
    return tuple(offset for offset in range(-((window - 1) // 2), window // 2 + 1) if offset)


def sliding_windows(
    frames: Iterable[T], size: int, border: Literal["clip", "replicate"] = "clip"
) -> Iterator[FrameWindow[T]]:
    """One window around every frame of a stream.

    The window of frame ``t`` spans ``t - (size - 1) // 2 ... t + size // 2``: an odd size is symmetric, the extra frame
    of an even size is the next one, so that size 2 means ``(t, t + 1)``. At most ``size`` frames are held at any time,
    and a window is given out as soon as its last frame has arrived.

    Args:
        frames: A :class:`Clip`, or any stream with one item per frame. Neighbours in the stream are taken for
            neighbours in time: with a frame step, or where damaged frames were skipped, :attr:`Frame.index` tells how
            far apart they are.
        size: Number of frames in a window, at least 1.
        border: What stands in for frames before the first and after the last one. ``'clip'``: nothing, the window is
            shorter there. ``'replicate'``: the first or last frame again, so that every window has ``size`` frames.

    Yields:
        As many windows as there are frames, in order, even if there are fewer frames than ``size``.

    Raises:
        ValueError: ``size`` or ``border`` is none of the above.
    """
    if size < 1:
        raise ValueError(f"a window holds at least 1 frame, got size={size}")
    if border not in ("clip", "replicate"):
        raise ValueError(f"border must be 'clip' or 'replicate', got {border!r}")
    return _windows(frames, (size - 1) // 2, size // 2, border == "replicate")


def _windows(frames: Iterable[T], before: int, after: int, replicate: bool) -> Iterator[FrameWindow[T]]:
    held: deque[T] = deque()
    center = 0  # position in `held` of the next frame to be given out

    def window() -> FrameWindow[T]:
        left, right = before - center, after - (len(held) - 1 - center)
        if not replicate:
            return FrameWindow(tuple(held), center)
        return FrameWindow((held[0],) * left + tuple(held) + (held[-1],) * right, before)

    def advance() -> None:
        nonlocal center
        if center == before:
            held.popleft()
        else:
            center += 1

    for frame in frames:
        held.append(frame)
        if len(held) - 1 - center == after:
            yield window()
            advance()
    while center < len(held):
        yield window()
        advance()
