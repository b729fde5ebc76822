"""The pixels of the labelled frames, kept once for all rounds.

A file is named after its content, ``{frame:08d}-{first 16 digits of its SHA-256}``: a video that has changed gets files
of its own, and older rounds keep theirs.
"""

import hashlib
from pathlib import Path

import cv2
import numpy as np

from mmselfhuman.pseudo_labels.clip_file import damaged, file_digest
from mmselfhuman.pseudo_labels.files import IMAGE_SUFFIXES, PseudoLabelError, replacing

_DIGITS = 16


class FrameImages:
    """Writes and checks image files below one folder.

    Args:
        folder: Made when the first image is written.
        image_format: ``'jpg'`` or ``'png'``.
        jpeg_quality: From 1 to 100.
    """

    def __init__(self, folder: Path, image_format: str, jpeg_quality: int) -> None:
        self.folder = folder
        self._suffix = f".{image_format}"
        self._options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if image_format == "jpg" else []

    def keep(self, video: str, frame: int, image: np.ndarray | str) -> str:
        """Keep a frame, unless it is kept already.

        Args:
            video: Name of the video.
            frame: Its number.
            image: ``(H, W, 3)`` uint8 BGR, or the path of an image file, whose bytes are kept as they are.

        Returns:
            Where it is, relative to the folder.

        Raises:
            OSError: It cannot be written.
            PseudoLabelError: The file named by ``image`` cannot be read.
            ValueError: Its suffix is none that the store knows.
        """
        if isinstance(image, np.ndarray):
            content, suffix = cv2.imencode(self._suffix, image, self._options)[1].tobytes(), self._suffix
        else:
            content, suffix = _read(Path(image)), Path(image).suffix.lower()
        name = f"{video}/{frame:08d}-{hashlib.sha256(content).hexdigest()[:_DIGITS]}{suffix}"
        path = self.folder / name
        if not path.is_file() or path.stat().st_size != len(content):
            with replacing(path) as file:
                file.write(content)
        return name

    def check(self, path: Path) -> None:
        """Compare a file with the checksum in its name.

        Raises:
            PseudoLabelError: It is missing or damaged.
        """
        expected = path.stem.rpartition("-")[2]
        found = file_digest(path)[:_DIGITS]
        if found != expected:
            raise PseudoLabelError(f"{path} is damaged: its SHA-256 begins with {found}, expected {expected}")


def _read(path: Path) -> bytes:
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise ValueError(f"{path}: the store keeps {', '.join(IMAGE_SUFFIXES)}; give other images as arrays")
    try:
        return path.read_bytes()
    except OSError as error:
        raise damaged(path, error) from error
