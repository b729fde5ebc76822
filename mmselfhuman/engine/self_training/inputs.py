"""What the loop reads from disk: annotations, checkpoints and videos, told apart by what is in them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmselfhuman.pseudo_labels.clip_file import file_digest

_ANNOTATIONS = ("ann_file", "ann_files", "gt_json")
_LISTED = 1000
"""Folders with more in them are listed as a whole."""


def annotation_digests(config: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of every annotation file that a network's config names and that exists, by its path."""
    found = {}
    for node in _dictionaries(config):
        for key in _ANNOTATIONS:
            for path in _paths(node.get(key)):
                place = Path(str(node.get("data_root") or ""), path)
                if place.is_file():
                    found[str(place)] = file_digest(place)
    return dict(sorted(found.items()))


def video_listing(config: Mapping[str, Any]) -> dict[str, list[int]]:
    """How many files and bytes there are in every file or folder that ``UnlabelledVideos`` is to read.

    A folder is listed by what lies directly in it, unless that is a great deal. Other kinds of videos have no listing:
    their config says all.

    Raises:
        FileNotFoundError: A path does not exist.
    """
    if str(config.get("type", "")).rpartition(".")[2] != "UnlabelledVideos":
        return {}
    paths = config.get("paths", ())
    listing = {}
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        place = Path(path).expanduser()
        if not place.exists():
            raise FileNotFoundError(f"no such video, frame folder or folder of them: {place}")
        entries = sorted(place.iterdir()) if place.is_dir() else [place]
        for entry in entries if len(entries) <= _LISTED else [place]:
            if not entry.name.startswith("."):
                listing[str(entry)] = _extent(entry)
    return listing


def _extent(place: Path) -> list[int]:
    files = [Path(folder, name) for folder, _, names in os.walk(place) for name in names] if place.is_dir() else [place]
    return [len(files), sum(file.stat().st_size for file in files)]


def _paths(value: Any) -> Sequence[str]:
    if isinstance(value, Mapping):
        return [path for item in value.values() for path in _paths(item)]
    if isinstance(value, list | tuple):
        return [path for item in value for path in _paths(item)]
    return [value] if isinstance(value, str) and value else []


def _dictionaries(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        yield node
    for child in node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ():
        yield from _dictionaries(child)
