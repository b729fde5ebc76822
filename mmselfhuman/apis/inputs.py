"""What a user may hand over: images and videos, by whatever name."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmselfhuman.datasets.video.clips import ClipInfo
from mmselfhuman.datasets.video.discovery import IMAGE_SUFFIXES, VIDEO_SUFFIXES, natural_key
from mmselfhuman.structures import Frame

InputType = str | Path | int | np.ndarray | Sequence[Any]
_VIDEO_SUFFIXES = VIDEO_SUFFIXES - IMAGE_SUFFIXES


@dataclass(frozen=True, eq=False)
class Still:
    """An image to come.

    Attributes:
        name: Of the files that are written about it; unique among the inputs.
        file_name: As predictions name it.
        image: The image, or where it can be read.
    """

    name: str
    file_name: str
    image: np.ndarray | str


@dataclass(frozen=True)
class Video:
    """A video file or camera to come.

    Attributes:
        name: Of the files that are written about it; unique among the inputs.
        path: The file, or the number of the camera.
    """

    name: str
    path: str | int


def resolve(inputs: InputType) -> list[Still | Video]:
    """Find out what is meant.

    Args:
        inputs: An image ``(H, W[, C])``, the path or URL of an image, of a video, of a folder with images (those below
            it are not looked for), a pattern such as ``'photos/*.jpg'``, the number of a camera, or a list of any.

    Raises:
        FileNotFoundError: A path does not exist, or nothing fits a pattern.
        ValueError: A folder has no image in it, or there is nothing at all.
        TypeError: It is none of these.
    """
    found = list(_expanded(inputs))
    if not found:
        raise ValueError("there is no input")
    taken: set[str] = set()
    result = []
    for number, one in enumerate(found):
        if isinstance(one, np.ndarray):
            stem = file_name = f"image_{number:06d}"
        elif isinstance(one, int):
            stem = file_name = f"camera_{one}"
        else:
            stem, file_name = Path(one).stem, Path(one).name
        name = _free(stem, taken)
        if isinstance(one, int) or (isinstance(one, str) and Path(one).suffix.lower() in _VIDEO_SUFFIXES):
            result.append(Video(name, one))
        else:
            result.append(Still(name, file_name, one))
    return result


def _free(stem: str, taken: set[str]) -> str:
    name, number = stem, 1
    while name.casefold() in taken:
        name, number = f"{stem}-{number}", number + 1
    taken.add(name.casefold())
    return name


def _expanded(inputs: InputType) -> Iterator[np.ndarray | str | int]:
    if isinstance(inputs, np.ndarray) or (isinstance(inputs, int) and not isinstance(inputs, bool)):
        yield inputs
    elif isinstance(inputs, list | tuple):
        for one in inputs:
            yield from _expanded(one)
    elif isinstance(inputs, str | Path):
        yield from _found(str(inputs))
    else:
        raise TypeError(
            f"expected images, paths, the number of a camera or a list of them, got {type(inputs).__name__}"
        )


def _found(path: str) -> Iterator[str]:
    place = Path(path).expanduser()
    if "://" in path:
        yield path
    elif place.is_dir():
        images = [one for one in place.iterdir() if one.suffix.lower() in IMAGE_SUFFIXES and one.name[0] != "."]
        if not images:
            raise ValueError(f"folder {path} has no image in it")
        yield from map(str, sorted(images, key=lambda one: natural_key(one.name)))
    elif place.exists():
        yield str(place)
    elif any(mark in path for mark in "*?["):
        matches = sorted((one for one in glob.glob(str(place), recursive=True) if Path(one).is_file()), key=natural_key)
        if not matches:
            raise FileNotFoundError(f"nothing fits the pattern {path}")
        yield from matches
    else:
        raise FileNotFoundError(f"no such image, video or folder: {path}")


class CameraClip:
    """A camera as a :class:`~mmselfhuman.structures.Clip`, for as long as it gives pictures.

    Args:
        number: OpenCV's number of the camera.
        max_frames: Stop after so many.

    Raises:
        RuntimeError: There is no such camera.
    """

    def __init__(self, number: int, max_frames: int | None = None) -> None:
        self.name = f"camera_{number}"
        self._number, self._max_frames = number, max_frames
        camera = cv2.VideoCapture(number)
        opened, fps = camera.isOpened(), camera.get(cv2.CAP_PROP_FPS)
        width, height = (int(camera.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        camera.release()
        if not opened:
            raise RuntimeError(f"camera {number} cannot be opened")
        self.info = ClipInfo(width, height, fps if 0 < fps < 1000 else None, None)

    def __iter__(self) -> Iterator[Frame]:
        camera = cv2.VideoCapture(self._number)
        try:
            index = 0
            while self._max_frames is None or index < self._max_frames:
                there, image = camera.read()
                if not there:
                    return
                yield Frame(index, image)
                index += 1
        finally:
            camera.release()
