"""One file with the labels of one clip in one round: an uncompressed ZIP archive of JSON and PNG.

It holds ``clip.json`` and, for each frame, ``{frame:08d}.json`` and, where there are such maps,
``{frame:08d}.semantic.png`` and ``{frame:08d}.confidence.png``. All dates in it are the same, so that the same labels
are the same bytes.
"""

import hashlib
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmselfhuman.pseudo_labels.files import PseudoLabelError, check_relative, replacing, to_json
from mmselfhuman.pseudo_labels.maps import MAX_STRIDE, coarsen, decode_map, encode_map, refine
from mmselfhuman.pseudo_labels.records import check_frames, check_label, is_count, label_to_json, person_from_json
from mmselfhuman.structures import PseudoLabel

FORMAT_VERSION = 1
_HEADER = "clip.json"

Image = np.ndarray | str
"""Pixels, or the path of an image file."""


def write_clip_file(
    path: Path, header: dict, labels: Iterable[PseudoLabel], keep: Callable[[int, Image], str], stride: int
) -> None:
    """Write a clip file; it appears when it is complete.

    Args:
        path: Replaced if it exists.
        header: What ``clip.json`` says beside the list of frames.
        labels: Checked, in order; the next one is made while one is encoded and written.
        keep: Keeps the pixels of a frame, and says where they are.
        stride: Confidence is kept for squares of this side, in pixels.
    """
    frames, persons = [], []
    with (
        replacing(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
        ThreadPoolExecutor(1) as thread,
    ):
        written = None
        for label in labels:
            if written is not None:
                written.result()
            written = thread.submit(_add_label, archive, label, keep, stride)
            frames.append(int(label.frame))
            persons.append(None if label.persons is None else len(label.persons))
        if written is not None:
            written.result()
        _add(archive, _HEADER, to_json({**header, "frames": frames, "persons": persons, "confidence_stride": stride}))


class ClipFile:
    """Reads a clip file, each frame for itself. Nothing stays open between calls: it may be pickled and forked.

    Args:
        path: The file.
        frames_folder: What the places of the pixels are relative to.
    """

    def __init__(self, path: Path, frames_folder: Path) -> None:
        self.path, self._frames_folder = path, frames_folder
        self._directory: dict[str, tuple[int, int, int]] | None = None
        self._passed: set[str] = set()  # frames that were checked; their bytes cannot change unnoticed

    def header(self) -> dict:
        """What ``clip.json`` says.

        Raises:
            PseudoLabelError: The file is missing or damaged.
        """
        header = self._json(_HEADER)
        try:
            check_frames(header["frames"], header["persons"])
        except (KeyError, ValueError) as error:
            raise PseudoLabelError(f"{self.path} is damaged: {_HEADER} is not as expected ({error!r})") from error
        return header

    def check(self) -> None:
        """Read everything once, and see that the pixels are there.

        Raises:
            PseudoLabelError: The file is missing or damaged, or an image is missing.
        """
        for frame in self.header()["frames"]:
            image = self.read(frame).image
            if not Path(image).is_file():
                raise PseudoLabelError(f"{image} is missing")

    def read(self, frame: int) -> PseudoLabel:
        """The label of a frame.

        Raises:
            PseudoLabelError: The file is missing or damaged.
        """
        name = _name(frame)
        entry = self._json(f"{name}.json")
        label = self._label(entry, name)
        size, stride = (label.height, label.width), entry.get("confidence_stride")
        if not is_count(stride) or not 1 <= stride <= MAX_STRIDE:
            raise PseudoLabelError(f"{self.path} is damaged: {name}.json has confidence_stride {stride!r}")
        coarse = self._map(f"{name}.confidence.png", (-(-size[0] // stride), -(-size[1] // stride)))
        return replace(
            label,
            semantic=self._map(f"{name}.semantic.png", size),
            confidence=None if coarse is None else refine(coarse, *size, stride),
        )

    def read_without_maps(self, frame: int) -> PseudoLabel:
        """The label of a frame with ``semantic`` and ``confidence`` left out, which is faster.

        Raises:
            PseudoLabelError: The file is missing or damaged.
        """
        name = _name(frame)
        return self._label(self._json(f"{name}.json"), name)

    def _label(self, entry: dict, name: str) -> PseudoLabel:
        try:
            persons = entry["persons"]
            label = PseudoLabel(
                frame=entry["frame"],
                height=entry["height"],
                width=entry["width"],
                image=str(self._frames_folder / check_relative(entry["image"])),
                persons=None if persons is None else tuple(person_from_json(person) for person in persons),
                provenance=entry["provenance"],
            )
            if name not in self._passed:
                check_label(label, name)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise PseudoLabelError(f"{self.path} is damaged: {name}.json is not as expected ({error!r})") from error
        if _name(label.frame) != name:
            raise PseudoLabelError(f"{self.path} is damaged: {name}.json is about frame {label.frame}")
        self._passed.add(name)
        return label

    def _map(self, name: str, size: tuple[int, int]) -> np.ndarray | None:
        content = self._content(name)
        if content is None:
            return None
        values = decode_map(content, size)
        if values is None:
            raise PseudoLabelError(f"{self.path} is damaged: {name} in it is no grey image of {size[1]} x {size[0]}")
        return values

    def _json(self, name: str) -> dict:
        content = self._content(name)
        if content is None:
            raise PseudoLabelError(f"{self.path} is damaged: it lacks {name}")
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise PseudoLabelError(f"{self.path} is damaged: {name} in it is no JSON") from error
        if not isinstance(found, dict):
            raise PseudoLabelError(f"{self.path} is damaged: {name} in it is no JSON object")
        return found

    def _content(self, name: str) -> bytes | None:
        """An entry of the archive, ``None`` if there is none of that name."""
        try:
            if self._directory is None:
                self._directory = _directory(self.path)
            if name not in self._directory:
                return None
            offset, size, checksum = self._directory[name]
            with open(self.path, "rb") as file:
                file.seek(offset)
                header = file.read(_LOCAL_HEADER.size)
                name_length, extra_length = _LOCAL_HEADER.unpack(header)
                file.seek(name_length + extra_length, os.SEEK_CUR)
                content = file.read(size)
        except (OSError, zipfile.BadZipFile, struct.error, *_UNREADABLE) as error:
            raise damaged(self.path, error) from error
        if len(content) != size or zlib.crc32(content) != checksum:
            raise PseudoLabelError(f"{self.path} is damaged: {name} in it does not fit its checksum")
        return content


_LOCAL_HEADER = struct.Struct("<26x2H")
"""What stands before an entry's name in a ZIP archive; ends in the lengths of the name and of further fields."""

_UNREADABLE = (EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError, MemoryError)
"""What :mod:`zipfile` raises, beside its own errors, for archives whose bytes are wrong."""


def _directory(path: Path) -> dict[str, tuple[int, int, int]]:
    """Offset, size and CRC-32 of each entry of an archive. Asking :mod:`zipfile` for each would read all of it anew."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    length = path.stat().st_size
    if any(entry.file_size > length for entry in entries):
        raise zipfile.BadZipFile("an entry is longer than the file")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise zipfile.BadZipFile("an entry is compressed")
    return {entry.filename: (entry.header_offset, entry.file_size, entry.CRC) for entry in entries}


def file_digest(path: Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits.

    Raises:
        PseudoLabelError: The file is missing or cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise damaged(path, error) from error
    return digest.hexdigest()


def damaged(path: Path, error: Exception) -> PseudoLabelError:
    """The error for a file that could not be read."""
    if isinstance(error, FileNotFoundError):
        return PseudoLabelError(f"{path} is missing")
    return PseudoLabelError(f"{path} is damaged: {error}")


def _name(frame: int) -> str:
    return f"{frame:08d}"


def _add_label(archive: zipfile.ZipFile, label: PseudoLabel, keep: Callable[[int, Image], str], stride: int) -> None:
    name, image = _name(label.frame), keep(label.frame, label.image)
    _add(archive, f"{name}.json", to_json({**label_to_json(label, image), "confidence_stride": stride}))
    if label.semantic is not None:
        _add(archive, f"{name}.semantic.png", encode_map(label.semantic))
    if label.confidence is not None:
        _add(archive, f"{name}.confidence.png", encode_map(coarsen(label.confidence, stride)))


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    archive.writestr(entry, content)
