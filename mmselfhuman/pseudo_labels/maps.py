"""Label maps as PNG, and confidence maps kept coarser than they are."""

import struct

import cv2
import numpy as np

CONFIDENCE_LEVELS = 16
"""Values that a stored confidence can have: 0, 17, ..., 255."""

MAX_STRIDE = 256
"""Of confidence, in pixels. A map of few values must not fill the memory."""

_PNG_HEADER = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

_STEP = 255 // (CONFIDENCE_LEVELS - 1)


def encode_map(values: np.ndarray) -> bytes:
    """``(H, W)`` uint8 as a grey PNG without loss."""
    return cv2.imencode(".png", values, [cv2.IMWRITE_PNG_COMPRESSION, 6])[1].tobytes()


def decode_map(content: bytes, size: tuple[int, int]) -> np.ndarray | None:
    """``(H, W)`` uint8 of a grey PNG; ``None`` if it is none of that ``(height, width)``, which its header tells."""
    if content[:16] != _PNG_HEADER or (*reversed(struct.unpack(">2I", content[16:24].ljust(8))),) != size:
        return None
    values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    return values if values is not None and values.shape == size and values.dtype == np.uint8 else None


def coarsen(confidence: np.ndarray, stride: int) -> np.ndarray:
    """Means over squares of ``stride`` pixels, rounded to :data:`CONFIDENCE_LEVELS` levels.

    Args:
        confidence: ``(H, W)`` uint8. At the right and lower border, squares are completed by repetition.
        stride: Side of a square, in pixels.

    Returns:
        ``(ceil(H / stride), ceil(W / stride))`` uint8. All arithmetic is in integers: the same bytes on every machine.
    """
    height, width = confidence.shape
    padded = np.pad(confidence, ((0, -height % stride), (0, -width % stride)), mode="edge")
    # Rows first, whole lines at a time: several times faster than both axes at once.
    columns = padded.reshape(-1, stride, padded.shape[1]).sum(axis=1, dtype=np.int32)
    total, unit = columns.reshape(len(columns), -1, stride).sum(axis=2), _STEP * stride**2
    return ((2 * total + unit) // (2 * unit) * _STEP).astype(np.uint8)


def refine(coarse: np.ndarray, height: int, width: int, stride: int) -> np.ndarray:
    """``(height, width)`` uint8 with the values of :func:`coarsen` in the middle of the squares, linear in between."""
    if stride == 1:
        return coarse
    size = coarse.shape[1] * stride, coarse.shape[0] * stride
    return np.ascontiguousarray(cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)[:height, :width])
