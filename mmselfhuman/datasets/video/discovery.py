"""Finding videos and frame folders, in the order in which a person would read their names."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

# fmt: off
VIDEO_SUFFIXES = frozenset((
    ".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts",
    ".webm", ".wmv",
))
IMAGE_SUFFIXES = frozenset((".bmp", ".jp2", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"))
# fmt: on


@dataclass(frozen=True)
class Found:
    """A video file or a folder of frames, not yet opened.

    Attributes:
        kind: What it is.
        path: The file or folder.
        name: What to call it: relative to the folder in which it was searched, without suffix. Not yet unique.
        images: The frames of a folder, in natural order.
    """

    kind: Literal["file", "folder"]
    path: Path
    name: str
    images: tuple[Path, ...] = ()


def natural_key(text: str) -> tuple:
    """Sorts numbers inside text by value, ``frame2`` before ``frame10``, and disregards case where it can."""
    parts = re.split(r"(\d+)", text)
    return [int(part) if place % 2 else part.casefold() for place, part in enumerate(parts)], text


def find_clips(root: Path, recursive: bool, skip: Callable[[Path, str], None]) -> Iterator[Found]:
    """Everything at or below a path that looks like a video, in natural order of the relative paths.

    A folder with images directly in it is one clip, unless there are at least as many videos beside them: then the
        images
    are taken for the videos' thumbnails. Hidden files and folders are passed over; links are followed, but never back
    into a folder that is being searched.

    Args:
        root: A file or folder.
        recursive: Also search the folders below ``root``.
        skip: Called with every path that could have been a clip but cannot be read, and the reason.

    Raises:
        FileNotFoundError: ``root`` does not exist.
    """
    if not root.exists():
        raise FileNotFoundError(f"no such video, frame folder or folder of them: {root}")
    own_name = root.name if root.name not in ("", "..") else root.resolve().name
    if root.is_dir():
        found = _in_folder(root, (), recursive, skip, frozenset())
        for clip in sorted(found, key=_order):
            yield clip if clip.name else replace(clip, name=_safe(own_name))
    elif root.suffix.lower() in IMAGE_SUFFIXES:
        skip(root, "a single image; name the folder of the frames instead")
    else:
        yield Found("file", root, _safe(Path(own_name).stem))


def unique_names(names: Iterable[str]) -> list[str]:
    """Tell equal names apart by a number, also where they differ in case only, as many file systems do not."""
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, number = name, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{name}-{number}"
        taken.add(candidate.casefold())
        result.append(candidate)
    return result


def _in_folder(
    folder: Path, parents: tuple[str, ...], recursive: bool, skip: Callable[[Path, str], None], above: frozenset[Path]
) -> Iterator[Found]:
    try:
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError as error:
        skip(folder, f"cannot be searched: {error.strerror}")
        return
    above = above | {folder.resolve()}
    files = [Path(entry.path) for entry in entries if not entry.is_dir()]
    videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
    images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    for path in videos:
        yield Found("file", path, "/".join((*parents, _safe(path.stem))))
    if 0 < len(images) <= len(videos):
        skip(folder, f"images beside videos, taken for thumbnails: {len(images)}")
    elif images:
        yield Found("folder", folder, "/".join(parents), tuple(sorted(images, key=lambda path: natural_key(path.name))))
    for entry in entries if recursive else ():
        if entry.is_dir() and Path(entry.path).resolve() not in above:
            yield from _in_folder(Path(entry.path), (*parents, _safe(entry.name)), recursive, skip, above)


def _order(clip: Found) -> tuple:
    return [natural_key(part) for part in clip.name.split("/")], natural_key(clip.path.name)


def _safe(name: str) -> str:
    """A file name as one part of a relative path that can be written, and stays below its parent, on every platform."""
    return re.sub(r'[\x00-\x1f<>:"/\\|?*\ud800-\udfff]', "_", name).strip(". ") or "_"
