"""Clips decoded from video files and from folders of frames, a frame at a time."""

import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from mmengine.logging import print_log

from mmselfhuman.datasets.images import DamagedImageError, read_image
from mmselfhuman.datasets.video.report import ReadingReport, first_few
from mmselfhuman.structures import MAX_PIXELS, Frame

# FFmpeg tells stderr, without a file name, what the report says with one. It asks for this when the first video is
# opened.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# A stretch of damage longer than this ends a video: every further attempt would search the rest of the file.
_MAX_FAILURES_IN_A_ROW = 100

# These announce the number of frames; what others announce is a duration, which may be that of a longer sound track.
_COUNTING_SUFFIXES = frozenset((".3gp", ".avi", ".m4v", ".mov", ".mp4"))


class UnreadableClipError(ValueError):
    """A file or folder that cannot be read as a video at all.

    Attributes:
        reason: Why, without the path.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class ClipInfo:
    """What a clip says about itself, before frame step, resizing and cap.

    Attributes:
        width, height: In pixels.
        fps: Frames per second; ``None`` if unknown, as for folders.
        num_frames: As announced by the container, which may be an estimate; ``None`` if it announces none.
    """

    width: int
    height: int
    fps: float | None
    num_frames: int | None


@dataclass(frozen=True)
class Decoding:
    """Which frames of a clip are given out, and how large.

    Attributes:
        frame_step: Every n-th frame, counted from frame 0.
        resize: ``(width, height)`` in pixels, or a factor for both; ``None`` leaves frames as they are.
        max_frames: At most so many frames per clip; ``None`` for all.
        long_side: Shrink frames whose longer side has more pixels to so many, in proportion; ``None`` for none.
    """

    frame_step: int = 1
    resize: tuple[int, int] | float | None = None
    max_frames: int | None = None
    long_side: int | None = None

    def resized(self, image: np.ndarray) -> np.ndarray:
        """An image in the size asked for: averaged over pixels where it shrinks, interpolated where it grows."""
        height, width = image.shape[:2]
        factor = self.resize
        if self.long_side is not None:
            factor = min(1.0, self.long_side / max(height, width))
        if factor is None or factor == 1:
            return image
        size = factor
        if not isinstance(factor, tuple):
            size = max(1, round(width * factor)), max(1, round(height * factor))
        shrinks = size[0] * size[1] < width * height
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


class _DecodedClip:
    """The part that files and folders share: counting, capping and resizing frames, and reporting the damaged ones."""

    def __init__(self, name: str, path: Path, info: ClipInfo, decoding: Decoding, report: ReadingReport) -> None:
        self.name = name
        self.path = path
        self.info = info
        self._decoding = decoding
        self._report = report

    def __iter__(self) -> Iterator[Frame]:
        damaged: dict[int, str] = {}
        given_out = 0
        with closing(self._decode(damaged)) as decoded:
            try:
                for index, image in decoded:
                    yield Frame(index, self._decoding.resized(image))
                    given_out += 1
                    if given_out == self._decoding.max_frames:
                        break
            finally:
                self._tell(damaged)

    def _decode(self, damaged: dict[int, str]) -> Iterator[tuple[int, np.ndarray]]:
        """The wanted frames and their indices; those that cannot be decoded go to ``damaged`` instead."""
        raise NotImplementedError

    def _tell(self, damaged: dict[int, str]) -> None:
        if self._report.add_damage(self.name, damaged):
            what = "1 frame" if len(damaged) == 1 else f"{len(damaged)} frames"
            culprits = first_few(dict.fromkeys(damaged[index] for index in sorted(damaged)))
            print_log(f"{self.path}: {what} cannot be decoded and left out: {culprits}", "current", logging.WARNING)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, path={str(self.path)!r})"


class VideoFileClip(_DecodedClip):
    """A video file, decoded from the start by OpenCV without ever seeking.

    A frame that the decoder gives up on keeps its number. Frames that it leaves out silently do not: after such damage
    the indices run behind by that many.

    Attributes:
        name, path: See :class:`~mmselfhuman.structures.Clip`; the file.
        info: What the container announces.
    """

    def __init__(self, name: str, path: Path, decoding: Decoding, report: ReadingReport) -> None:
        """Open the file and decode up to the first frame that is in order.

        Raises:
            UnreadableClipError: It cannot be opened, or no frame can be decoded.
        """
        if not os.access(path, os.R_OK):
            raise UnreadableClipError(path, "no permission to read it, or a link to nothing")
        if path.stat().st_size == 0:
            raise UnreadableClipError(path, "the file is empty")
        with _opened(path) as capture:
            announced = [int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH)]
            if announced[0] * announced[1] > MAX_PIXELS:
                raise UnreadableClipError(path, f"frames of {announced[1]} x {announced[0]} pixels are not decoded")
            found = any(capture.grab() for _ in range(_MAX_FAILURES_IN_A_ROW))
            decoded, image = capture.retrieve() if found else (False, None)
            if not decoded:
                raise UnreadableClipError(path, "no frame can be decoded")
            info = ClipInfo(
                width=image.shape[1],
                height=image.shape[0],
                fps=_plausible(capture.get(cv2.CAP_PROP_FPS), 1000),
                num_frames=int(_plausible(capture.get(cv2.CAP_PROP_FRAME_COUNT), 2**31) or 0) or None,
            )
        super().__init__(name, path, info, decoding, report)

    def _decode(self, damaged: dict[int, str]) -> Iterator[tuple[int, np.ndarray]]:
        announced = self.info.num_frames or 0
        step = self._decoding.frame_step
        index = end = 0  # end: one past the last frame that could be decoded
        with _opened(self.path) as capture:
            while True:
                if capture.grab():
                    damaged.update((lost, f"frame {lost}") for lost in range(end, index) if lost % step == 0)
                    end = index + 1
                    if index % step == 0:
                        decoded, image = capture.retrieve()
                        if decoded:
                            yield index, image
                        else:
                            damaged[index] = f"frame {index}"
                elif index + 1 >= announced or index - end >= _MAX_FAILURES_IN_A_ROW:
                    break
                index += 1
        tolerance = 0 if self.path.suffix.lower() in _COUNTING_SUFFIXES else round(self.info.fps or 0)
        if end + tolerance < announced:
            last = f"it ends after {end} of the {announced} frames announced"
            damaged.update((lost, last) for lost in range(end, announced) if lost % step == 0)


class FrameFolderClip(_DecodedClip):
    """A folder with one image per frame, all of one size.

    Attributes:
        name, path: See :class:`~mmselfhuman.structures.Clip`; the folder.
        info: Its size is that of the first image that can be decoded.
        images: The files, in temporal order: a frame's index is its place here, whatever number its name holds.
    """

    def __init__(
        self, name: str, path: Path, images: tuple[Path, ...], decoding: Decoding, report: ReadingReport
    ) -> None:
        """Decode images up to the first that is in order.

        Raises:
            UnreadableClipError: No image can be decoded.
        """
        sizes = (image.shape[:2] for image in map(_image_or_none, images) if image is not None)
        height, width = next(sizes, (0, 0))
        if not width:
            raise UnreadableClipError(path, f"none of its {len(images)} images can be decoded")
        super().__init__(name, path, ClipInfo(width, height, None, len(images)), decoding, report)
        self.images = images

    def _decode(self, damaged: dict[int, str]) -> Iterator[tuple[int, np.ndarray]]:
        for index in range(0, len(self.images), self._decoding.frame_step):
            image = _image_or_none(self.images[index])
            if image is None:
                damaged[index] = self.images[index].name
                continue
            height, width = image.shape[:2]
            if (width, height) != (self.info.width, self.info.height):
                raise ValueError(
                    f"{self.images[index]} is {width}x{height}, but the frames of this folder began with "
                    f"{self.info.width}x{self.info.height}: one folder must hold the frames of one video"
                )
            yield index, image


def _image_or_none(path: Path) -> np.ndarray | None:
    try:
        return read_image(str(path))
    except (OSError, DamagedImageError):
        return None


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    level = cv2.getLogLevel()
    cv2.setLogLevel(0)
    try:
        capture = cv2.VideoCapture(str(path))
    finally:
        cv2.setLogLevel(level)
    try:
        if not capture.isOpened():
            raise UnreadableClipError(path, "not a video that OpenCV can decode, or cut off before its index")
        yield capture
    finally:
        capture.release()


def _plausible(number: float, limit: float) -> float | None:
    """What OpenCV says about a video, unless it is one of the numbers that stand for not knowing."""
    return number if 0 < number < limit else None
