"""Frames of unlabelled clips in batches, and what cannot be read of them."""

from collections.abc import Iterator
from itertools import islice

import cv2

from mmselfhuman.structures import Clip, Frame


class UnusableClipError(Exception):
    """A clip that ends in the middle of an error, or has no frame."""


def batches(clip: Clip, size: int) -> Iterator[list[Frame]]:
    """Consecutive frames of a clip.

    Raises:
        UnusableClipError: Reading fails, or there is no frame. What a consumer raises is passed on as it is.
    """
    frames = iter(clip)
    while True:
        try:
            batch = list(islice(frames, size))
        except (OSError, ValueError, cv2.error) as error:
            raise UnusableClipError(str(error)) from error
        if not batch:
            return
        yield batch


def announced_length(clip: Clip) -> int | None:
    """How many frames a clip says it has, if it says so."""
    if hasattr(clip, "__len__"):
        return len(clip)
    return getattr(getattr(clip, "info", None), "num_frames", None)


def damaged_frames(clips: object, name: str) -> int:
    """How many frames of a clip could not be decoded, as far as its set of videos keeps count."""
    report = getattr(clips, "report", None)
    return len(report.damaged.get(name, ())) if report else 0
