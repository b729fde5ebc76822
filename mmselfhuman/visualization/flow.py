"""Optical flow as colour: direction is hue, length is saturation (the Middlebury convention)."""

import cv2
import numpy as np

# The Middlebury colour wheel has 55 hues, unevenly spread because the eye tells more of them apart between red and
# yellow or green and blue than elsewhere. Along the wheel, starting rightwards and turning clockwise as seen in an
# image:
_WHEEL_PLACES = np.array([0, 15, 21, 25, 36, 49, 55]) / 55
_WHEEL_HUES = np.array([0, 60, 120, 180, 240, 300, 360])  # red, yellow, green, cyan, blue, magenta, red; degrees
_BEYOND = 0.75  # brightness of vectors longer than the longest one that the colours tell apart


def flow_to_colour(flow: np.ndarray, max_length: float | None = None) -> np.ndarray:
    """Colour-code a flow field.

    No motion is white; a vector of ``max_length`` has the full colour of its direction: right red, down yellow, left
    cyan, up violet. Longer vectors are full and darkened. Vectors that are not finite (unknown) are black.

    Args:
        flow: ``(2, H, W)`` in pixels, (x, y).
        max_length: Length of a vector, in pixels, that gets the full colour. Give the same one to compare fields. If
            ``None``, the longest finite vector of this field (a field without motion is white).

    Returns:
        ``(H, W, 3)`` uint8, BGR.

    Raises:
        ValueError: The shape is another, or ``max_length`` is not positive.
    """
    flow = np.asarray(flow, dtype=np.float32)
    if flow.ndim != 3 or flow.shape[0] != 2:
        raise ValueError(f"expected flow of shape (2, H, W), got {flow.shape}")
    if max_length is not None and not max_length > 0:
        raise ValueError(f"max_length must be positive, got {max_length}")
    known = np.isfinite(flow).all(axis=0)
    x, y = np.where(known, flow, 0)
    length = np.hypot(x, y)
    if max_length is None:
        max_length = float(length.max(initial=0)) or 1.0
    turn = np.arctan2(y, x) / (2 * np.pi) % 1
    value = np.where(length > max_length * (1 + 1e-6), _BEYOND, 1.0) * known
    hsv = (np.interp(turn, _WHEEL_PLACES, _WHEEL_HUES), np.minimum(length / max_length, 1), value)
    bgr = cv2.cvtColor(np.stack(hsv, axis=-1).astype(np.float32), cv2.COLOR_HSV2BGR)
    return np.rint(255 * bgr).astype(np.uint8)


def flow_wheel(size: int = 101) -> np.ndarray:
    """The legend to :func:`flow_to_colour`: every pixel of a disk has the colour of the vector to it from the centre.

    Args:
        size: Side in pixels; the rim stands for ``max_length``.

    Returns:
        ``(size, size, 3)`` uint8, BGR, white outside the disk.
    """
    radius = (size - 1) / 2
    y, x = np.mgrid[:size, :size] - radius
    wheel = flow_to_colour(np.stack([x, y]), max_length=max(radius, 1))
    wheel[np.hypot(x, y) > radius] = 255
    return wheel
