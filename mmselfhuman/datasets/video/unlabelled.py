"""A set of unlabelled videos, wherever and however they are stored."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmengine.logging import print_log

from mmselfhuman.datasets.video.clips import Decoding, FrameFolderClip, UnreadableClipError, VideoFileClip
from mmselfhuman.datasets.video.discovery import Found, find_clips, unique_names
from mmselfhuman.datasets.video.report import ReadingReport, SkippedPath, first_few
from mmselfhuman.registry import DATASETS

PathLike = str | os.PathLike


@DATASETS.register_module()
class UnlabelledVideos(Sequence[VideoFileClip | FrameFolderClip]):
    """Video files and frame folders as a sequence of :class:`~mmselfhuman.structures.Clip`.

    Clips decode while they are iterated, from the start and in order; nothing is kept. What cannot be read is skipped,
    logged and kept in :attr:`report`.

    Attributes:
        report: The files and folders that were skipped, and the frames that could not be decoded so far.
    """

    def __init__(
        self,
        paths: PathLike | Sequence[PathLike],
        recursive: bool = True,
        frame_step: int = 1,
        resize: tuple[int, int] | float | None = None,
        max_frames: int | None = None,
        long_side: int | None = None,
    ) -> None:
        """Find the videos and open each once.

        Args:
            paths: Video files (of any suffix), frame folders, and folders that contain any of them. Their order is
                kept; inside a folder the order is natural (``frame2`` before ``frame10``).
            recursive: Also search the folders below those in ``paths``.
            frame_step: Take every n-th frame, beginning with the first.
            resize: ``(width, height)`` in pixels, or a factor for both; ``None`` leaves frames as they are.
            max_frames: Take at most so many frames of each clip.
            long_side: Instead of ``resize``, for clips of several sizes: shrink frames whose longer side has more
                pixels to so many, in proportion.

        Raises:
            FileNotFoundError: A path does not exist.
            ValueError: No clip at all can be read, or an argument is out of range.
        """
        if resize is not None and long_side is not None:
            raise ValueError(f"give resize or long_side, not both, got {resize!r} and {long_side!r}")
        decoding = Decoding(
            _positive("frame_step", frame_step),
            _size(resize),
            None if max_frames is None else _positive("max_frames", max_frames),
            None if long_side is None else _positive("long_side", long_side),
        )
        self.report = ReadingReport()
        paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        found = list(_without_repetition(self._find(paths, recursive)))
        self._clips: list[VideoFileClip | FrameFolderClip] = []
        for name, clip in zip(unique_names(clip.name for clip in found), found, strict=True):
            try:
                self._clips.append(self._open(name, clip, decoding))
            except UnreadableClipError as error:
                self._skip(clip.path, error.reason)
        if not self._clips:
            reasons = first_few(self.report.skipped) or "nothing in it looks like a video or a frame"
            raise ValueError(f"no video can be read from {', '.join(map(str, paths)) or 'an empty list'}: {reasons}")
        if self.report.skipped:
            print_log(f"UnlabelledVideos: {self.report}", "current", logging.WARNING)

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, index: int) -> VideoFileClip | FrameFolderClip:
        return self._clips[index]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} clips; {self.report})"

    def _find(self, paths: list[PathLike], recursive: bool) -> Iterator[Found]:
        for path in paths:
            yield from find_clips(Path(path).expanduser(), recursive, self._skip)

    def _skip(self, path: Path, reason: str) -> None:
        self.report.skipped.append(SkippedPath(str(path), reason))

    def _open(self, name: str, clip: Found, decoding: Decoding) -> VideoFileClip | FrameFolderClip:
        if clip.kind == "file":
            return VideoFileClip(name, clip.path, decoding, self.report)
        return FrameFolderClip(name, clip.path, clip.images, decoding, self.report)


def _without_repetition(found: Iterator[Found]) -> Iterator[Found]:
    seen: set[Path] = set()
    for clip in found:
        place = clip.path.resolve()
        if place not in seen:
            seen.add(place)
            yield clip


def _positive(name: str, number: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {number!r}")
    return number


def _size(resize: tuple[int, int] | float | None) -> tuple[int, int] | float | None:
    if isinstance(resize, list | tuple) and len(resize) == 2:
        return _positive("the width in resize", resize[0]), _positive("the height in resize", resize[1])
    is_factor = isinstance(resize, int | float) and not isinstance(resize, bool) and 0 < resize < float("inf")
    if resize is not None and not is_factor:
        raise ValueError(f"resize must be (width, height), a positive factor or None, got {resize!r}")
    return resize
