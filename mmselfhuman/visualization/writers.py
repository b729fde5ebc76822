"""Images and videos written to disk: entirely, or not at all."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

VIDEO_CODES = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG", ".webm": "VP80"}
"""FourCC that each kind of video file is written with: those that OpenCV's own builds can encode."""


def write_image(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write an image in the format that the path's suffix names; missing folders are made.

    Args:
        path: E.g. ``*.png`` or ``*.jpg``.
        image: ``(H, W, 3)`` BGR or ``(H, W)``, uint8.

    Raises:
        ValueError: OpenCV cannot write images with that suffix.
    """
    path = Path(path)
    try:
        _, data = cv2.imencode(path.suffix, image)
    except cv2.error as error:
        raise ValueError(
            f"cannot write {path}: OpenCV knows no image format with the suffix {path.suffix!r}"
        ) from error
    with _replacing(path) as temporary:
        temporary.write_bytes(data.tobytes())


def write_video(path: str | os.PathLike, frames: Iterable[np.ndarray], fps: float) -> None:
    """Write frames as a video; missing folders are made.

    Args:
        path: The suffix says how: those of :data:`VIDEO_CODES` through OpenCV, frame by frame, or ``.gif`` through
            Pillow, which holds all frames in memory.
        frames: ``(H, W, 3)`` uint8 BGR each, all of one size, every one an array of its own: the next is made while one
            is encoded.
        fps: Frames per second. GIF keeps time in hundredths of a second.

    Raises:
        ValueError: No frames, frames of different sizes, ``fps`` not positive, or an unknown suffix.
        RuntimeError: OpenCV was built without the encoder.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix != ".gif" and suffix not in VIDEO_CODES:
        raise ValueError(f"cannot write {path}: the suffix must be one of {', '.join([*VIDEO_CODES, '.gif'])}")
    if not fps > 0:
        raise ValueError(f"fps must be positive, got {fps}")
    frames = _of_one_size(frames, path)
    first = next(frames, None)
    if first is None:
        raise ValueError(f"cannot write {path}: there are no frames")
    with _replacing(path) as temporary:
        write = _write_gif if suffix == ".gif" else _write_with_opencv
        write(temporary, first, frames, fps)


def _write_with_opencv(path: Path, first: np.ndarray, rest: Iterator[np.ndarray], fps: float) -> None:
    code = VIDEO_CODES[path.suffix.lower()]
    height, width = first.shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), fps, (width, height))
    try:
        if not writer.isOpened():
            raise RuntimeError(f"this build of OpenCV cannot encode {path.suffix} with {code}")
        with ThreadPoolExecutor(1) as thread:
            written = thread.submit(writer.write, first)
            for frame in rest:
                written.result()
                written = thread.submit(writer.write, frame)
            written.result()
    finally:
        writer.release()


def _write_gif(path: Path, first: np.ndarray, rest: Iterator[np.ndarray], fps: float) -> None:
    from PIL import Image

    def picture(frame: np.ndarray) -> Image.Image:
        return Image.fromarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)).quantize(dither=Image.Dither.NONE)

    # Most viewers slow a GIF down whose frames last less than two hundredths of a second.
    duration = max(20, round(1000 / fps))
    picture(first).save(path, save_all=True, append_images=map(picture, rest), duration=duration, loop=0)


def _of_one_size(frames: Iterable[np.ndarray], path: Path) -> Iterator[np.ndarray]:
    shape = None
    for number, frame in enumerate(frames):
        shape = shape or frame.shape
        if frame.shape != shape or frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise ValueError(
                f"cannot write {path}: frame {number} is {frame.shape} {frame.dtype}, expected (H, W, 3) uint8 as "
                f"frame 0, which is {shape}"
            )
        yield np.ascontiguousarray(frame)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; it takes ``path``'s place once all went well, and vanishes otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp lets nobody else read the file; an ordinary new file is as open as the umask says.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
