"""One file with the labels of one clip in one round: an uncompressed ZIP archive of JSON and PNG.

It holds ``clip.json`` and, for each frame, ``{frame:08d}.json`` and, where there are such maps,
``{frame:08d}.semantic.png`` and ``{frame:08d}.confidence.png``. All dates in it are the same, so that the same labels
are the same bytes.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmselfhuman.pseudo_labels.files import PseudoLabelError, replacing, to_json
from mmselfhuman.pseudo_labels.maps import coarsen, decode_map, encode_map, refine
from mmselfhuman.pseudo_labels.records import label_to_json, person_from_json
from mmselfhuman.structures import PseudoLabel

FORMAT_VERSION = 1
_HEADER = "clip.json"


def write_clip_file(path: Path, header: dict, labels: Iterable[tuple[PseudoLabel, str]], stride: int) -> None:
    """Write a clip file; it appears when it is complete.

    Args:
        path: Replaced if it exists.
        header: What ``clip.json`` says beside the list of frames.
        labels: Checked labels and the place of their pixels, in order; taken one at a time.
        stride: Confidence is kept for squares of this side, in pixels.
    """
    frames, persons = [], []
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for label, image in labels:
            name = _name(label.frame)
            _add(archive, f"{name}.json", to_json(label_to_json(label, image)))
            if label.semantic is not None:
                _add(archive, f"{name}.semantic.png", encode_map(label.semantic))
            if label.confidence is not None:
                _add(archive, f"{name}.confidence.png", encode_map(coarsen(label.confidence, stride)))
            frames.append(int(label.frame))
            persons.append(None if label.persons is None else len(label.persons))
        _add(archive, _HEADER, to_json({**header, "frames": frames, "persons": persons, "confidence_stride": stride}))


class ClipFile:
    """Reads a clip file, each frame for itself. Nothing stays open between calls, so that it may be shared by forks.

    Args:
        path: The file.
        frames_folder: What the places of the pixels are relative to.
    """

    def __init__(self, path: Path, frames_folder: Path) -> None:
        self.path, self._frames_folder = path, frames_folder

    def header(self) -> dict:
        """What ``clip.json`` says.

        Raises:
            PseudoLabelError: The file is missing or damaged.
        """
        return self._json(_HEADER)

    def check(self) -> None:
        """Read everything once.

        Raises:
            PseudoLabelError: The file is missing or damaged.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                wrong = archive.testzip()
        except (OSError, zipfile.BadZipFile, *_UNREADABLE) as error:
            raise damaged(self.path, error) from error
        if wrong is not None:
            raise PseudoLabelError(f"{self.path} is damaged: wrong checksum of {wrong} in it")
        self.header()

    def read(self, frame: int) -> PseudoLabel:
        """The label of a frame.

        Raises:
            PseudoLabelError: The file is missing or damaged.
        """
        name = _name(frame)
        content = self._contents(f"{name}.json", f"{name}.semantic.png", f"{name}.confidence.png", _HEADER)
        return self._label(content, name)

    def read_without_maps(self, frame: int) -> PseudoLabel:
        """The label of a frame with ``semantic`` and ``confidence`` left out, which is faster.

        Raises:
            PseudoLabelError: The file is missing or damaged.
        """
        name = _name(frame)
        return self._label(self._contents(f"{name}.json"), name)

    def _label(self, content: dict[str, bytes | None], name: str) -> PseudoLabel:
        entry = self._parsed(content, f"{name}.json")
        try:
            persons = entry["persons"]
            height, width = entry["height"], entry["width"]
            semantic = self._map(content, f"{name}.semantic.png", (height, width))
            confidence = None
            if content.get(f"{name}.confidence.png") is not None:
                stride = self._parsed(content, _HEADER)["confidence_stride"]
                coarse = self._map(content, f"{name}.confidence.png", (-(-height // stride), -(-width // stride)))
                confidence = refine(coarse, height, width, stride)
            return PseudoLabel(
                frame=entry["frame"],
                height=height,
                width=width,
                image=str(self._frames_folder / entry["image"]),
                semantic=semantic,
                confidence=confidence,
                persons=None if persons is None else tuple(person_from_json(person) for person in persons),
                provenance=entry["provenance"],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise PseudoLabelError(
                f"{self.path} is damaged: {name}.json in it is not as expected ({error!r})"
            ) from error

    def _map(self, content: dict[str, bytes | None], name: str, size: tuple[int, int]) -> Any:
        if content.get(name) is None:
            return None
        values = decode_map(content[name])
        if values is None or values.shape != size:
            raise PseudoLabelError(f"{self.path} is damaged: {name} in it is no grey image of {size[1]} x {size[0]}")
        return values

    def _json(self, name: str) -> Any:
        return self._parsed(self._contents(name), name)

    def _parsed(self, content: dict[str, bytes | None], name: str) -> Any:
        if content[name] is None:
            raise PseudoLabelError(f"{self.path} is damaged: it lacks {name}")
        try:
            return json.loads(content[name])
        except ValueError as error:
            raise PseudoLabelError(f"{self.path} is damaged: {name} in it is no JSON") from error

    def _contents(self, *names: str) -> dict[str, bytes | None]:
        """Entries of the archive; ``None`` for those that it lacks. Their CRC is checked."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                present = set(archive.namelist())
                return {name: archive.read(name) if name in present else None for name in names}
        except (OSError, zipfile.BadZipFile, *_UNREADABLE) as error:
            raise damaged(self.path, error) from error


_UNREADABLE = (EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
"""What :mod:`zipfile` raises, beside its own errors, for archives whose bytes are wrong."""


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


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    archive.writestr(entry, content)
