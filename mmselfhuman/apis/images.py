"""Images as users have them, made what networks take."""

import io
from pathlib import PurePath

import cv2
import numpy as np
from mmengine import fileio

from mmselfhuman.datasets.images import read_image

_ORIENTATION = 274  # EXIF tag


def read_upright(path: str) -> np.ndarray:
    """Read an image the way up in which viewers show it: an EXIF orientation is applied.

    Grey images get three equal channels, an alpha channel is dropped, 16 bits become 8.

    Args:
        path: A file, or whatever MMEngine's file backends read.

    Returns:
        ``(H, W, 3)`` uint8, BGR.

    Raises:
        FileNotFoundError: There is no such file.
        DamagedImageError: The image is empty, truncated, or none.
    """
    return _turned(read_image(path), _orientation(path))


def as_bgr(image: np.ndarray) -> np.ndarray:
    """An array with an image in it as ``(H, W, 3)`` uint8, BGR.

    Args:
        image: ``(H, W)`` grey, ``(H, W, 1)`` grey, ``(H, W, 3)`` BGR or ``(H, W, 4)`` BGRA; uint8, uint16, bool, or
            floating in [0, 1].

    Raises:
        ValueError: Shape, dtype or range are none of these.
    """
    if image.ndim not in (2, 3) or image.size == 0 or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
        raise ValueError(f"expected an image (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got {image.shape}")
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    elif image.dtype == bool:
        image = image * np.uint8(255)
    elif np.issubdtype(image.dtype, np.floating):
        if not np.isfinite(image).all() or image.min() < 0 or image.max() > 1:
            raise ValueError(f"floating images must lie in [0, 1], got {image.min()} to {image.max()}")
        image = np.rint(image * 255).astype(np.uint8)
    elif image.dtype != np.uint8:
        raise ValueError(f"expected an image of uint8, uint16, bool or floating in [0, 1], got {image.dtype}")
    if image.ndim == 2 or image.shape[2] == 1:
        return cv2.cvtColor(image.reshape(image.shape[:2]), cv2.COLOR_GRAY2BGR)
    return np.ascontiguousarray(image[..., :3])


def _orientation(path: str) -> int:
    """EXIF's number, 1 for upright; formats that have none, and broken tags, are upright."""
    if PurePath(path).suffix.lower() not in (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ""):
        return 1
    from PIL import Image

    try:
        with Image.open(io.BytesIO(fileio.get(path))) as image:
            number = image.getexif().get(_ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError):
        return 1
    return number if number in range(1, 9) else 1


def _turned(image: np.ndarray, orientation: int) -> np.ndarray:
    """Undo what an EXIF orientation says was done."""
    if orientation >= 5:
        image = image.transpose(1, 0, 2)
    # Of what is then left, each orientation mirrors columns, rows, both or neither.
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)
