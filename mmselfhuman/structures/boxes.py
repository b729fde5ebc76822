"""Overlap of boxes, and OCHuman's measure of how crowded a person is."""

import numpy as np


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of every box of one set with every box of another.

    Args:
        first: ``(N, 4)`` boxes ``(x, y, w, h)`` in pixels.
        second: ``(M, 4)`` boxes ``(x, y, w, h)`` in pixels.

    Returns:
        ``(N, M)`` float64 in [0, 1]; 0 where both boxes are without area.

    Raises:
        ValueError: The boxes are not rows of four finite numbers, or a width or height is negative.
    """
    first, second = _checked(first)[:, None], _checked(second)[None]
    corner = np.maximum(first[..., :2], second[..., :2])
    far_corner = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    intersection = np.clip(far_corner - corner, 0, None).prod(-1)
    union = first[..., 2:].prod(-1) + second[..., 2:].prod(-1) - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)


def max_iou(boxes: np.ndarray) -> np.ndarray:
    """OCHuman's MaxIoU: the largest IoU of each person's box with the box of any other person of the same image.

    It is to be taken over *all* annotated persons, also those that have no mask or are left out of an evaluation later.

    Args:
        boxes: ``(N, 4)`` boxes ``(x, y, w, h)`` in pixels of all persons of one image.

    Returns:
        ``(N,)`` float64 in [0, 1]; 0 for a person who is alone.

    Raises:
        ValueError: As :func:`box_iou`.
    """
    overlap = box_iou(boxes, boxes)
    np.fill_diagonal(overlap, 0)
    return overlap.max(axis=1, initial=0)


def _checked(boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, dtype=np.float64)
    if boxes.size == 0:
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"expected (N, 4) boxes (x, y, w, h), got an array of shape {boxes.shape}")
    wrong = ~np.isfinite(boxes).all(axis=1) | (boxes[:, 2:] < 0).any(axis=1)
    if wrong.any():
        raise ValueError(
            f"box {int(wrong.argmax())} must be finite with width and height >= 0, got {boxes[wrong.argmax()]}"
        )
    return boxes
