"""Reading still images from files, with damage told apart from absence."""

import io

import cv2
import numpy as np
from mmengine import fileio
from PIL import Image

from mmselfhuman.structures import MAX_PIXELS

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"
_JPEG_START_OF_SCAN = 0xDA
_FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")


class DamagedImageError(ValueError):
    """An image file exists but is not, or no longer, the image that its annotation describes."""


def read_image(path: str, size: tuple[int, int] | None = None, backend_args: dict | None = None) -> np.ndarray:
    """Read an image as stored.

    The result is what the annotations of COCO and OCHuman refer to: the stored pixels, an EXIF orientation **not**
    applied. Grey images get three equal channels, an alpha channel is dropped, 16 bits become 8.

    Args:
        path: A file, or whatever MMEngine's file backends read.
        size: Its annotated ``(height, width)``; ``None`` if nothing is annotated.
        backend_args: Passed to :func:`mmengine.fileio.get`.

    Returns:
        ``(H, W, 3)`` uint8, BGR.

    Raises:
        FileNotFoundError: There is no such file.
        DamagedImageError: The file is empty, truncated, no image, of another size than annotated, or of more than
            ``MAX_PIXELS`` pixels, which are not decoded.
    """
    try:
        content = fileio.get(path, backend_args=backend_args)
    except FileNotFoundError:
        raise FileNotFoundError(f"image {path} does not exist") from None
    if not content:
        raise DamagedImageError(f"image {path} is empty (0 bytes)")
    if _is_truncated(content):
        raise DamagedImageError(f"image {path} is truncated after {len(content)} bytes")
    _refuse_bomb(path, content)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        raise DamagedImageError(f"image {path} cannot be decoded: {error.err}") from error
    if image is None:
        raise DamagedImageError(
            f"image {path} cannot be decoded: it is no image that OpenCV knows, or its header is broken"
        )
    if size is not None and image.shape[:2] != size:
        height, width = image.shape[:2]
        raise DamagedImageError(f"image {path} has {width} x {height} pixels, annotated are {size[1]} x {size[0]}")
    return image


def _refuse_bomb(path: str, content: bytes) -> None:
    """Look at the size in the header, before pixels are decoded. OpenCV has a limit for what Pillow does not know."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            width, height = image.size
    except Image.DecompressionBombError as error:
        raise DamagedImageError(f"image {path} is too large to be decoded: {error}") from error
    except Exception:  # whatever Pillow's formats raise for broken headers; decoding tells what is wrong
        return
    if width * height > MAX_PIXELS:
        raise DamagedImageError(f"image {path} announces {width} x {height} pixels, at most {MAX_PIXELS} are decoded")


def _is_truncated(content: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end. OpenCV 4.8 makes up what is missing and does not say so."""
    if content.startswith(_JPEG_START):
        return content.rfind(_JPEG_END, _jpeg_scan_offset(content)) < 0
    if content.startswith(_PNG_START):
        return content.rfind(_PNG_END, len(_PNG_START)) < 0
    return False


def _jpeg_scan_offset(content: bytes) -> int:
    """Where the pixel data begin. What lies before may hold a thumbnail with an end marker of its own."""
    offset = len(_JPEG_START)
    while offset + 4 <= len(content) and content[offset] == 0xFF:
        if content[offset + 1] == _JPEG_START_OF_SCAN:
            return offset
        offset += 2 + int.from_bytes(content[offset + 2 : offset + 4], "big")
    return len(content) if offset > len(content) else offset
