"""How good, and how steady, the masks of a video are: region similarity J, boundary accuracy F, temporal stability.

J and F are the measures of DAVIS (Perazzi et al., A Benchmark Dataset and Evaluation Methodology for Video Object
Segmentation, CVPR 2016). Masks are ``(H, W)`` arrays, true inside; results are fractions in [0, 1].
"""

import math

import cv2
import numpy as np

Box = tuple[int, int, int, int]


def region_similarity(predicted: np.ndarray, truth: np.ndarray) -> float:
    """J: intersection over union of two masks, 1 if both are empty.

    Args:
        predicted, truth: ``(H, W)``.

    Raises:
        ValueError: The masks are not of one size.
    """
    predicted, truth = _checked(predicted, truth)
    union = np.count_nonzero(predicted | truth)
    return np.count_nonzero(predicted & truth) / union if union else 1.0


def boundary_accuracy(predicted: np.ndarray, truth: np.ndarray, tolerance: float = 0.008) -> float:
    """F: harmonic mean of the shares of each boundary that run close to the other one.

    Close is a distance of at most ``ceil(tolerance * diagonal)`` pixels. As in DAVIS, F is 1 if neither mask has a
    boundary (each is empty or fills the image) and 0 if only one has.

    Args:
        predicted, truth: ``(H, W)``.
        tolerance: See :func:`boundary_radius`.

    Raises:
        ValueError: The masks are not of one size, or the tolerance is negative.
    """
    predicted, truth = _checked(predicted, truth)
    radius = boundary_radius(truth.shape, tolerance)
    ours, theirs = boundary_map(predicted), boundary_map(truth)
    if not ours.any() or not theirs.any():
        return float(not ours.any() and not theirs.any())
    precision = _near(theirs, radius)[ours].mean()
    recall = _near(ours, radius)[theirs].mean()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def boundary_radius(shape: tuple[int, int], tolerance: float) -> int:
    """The distance in whole pixels up to which a boundary counts as found.

    Args:
        shape: ``(H, W)`` of the image.
        tolerance: As a fraction of the image's diagonal if below 1, else in pixels.

    Raises:
        ValueError: The tolerance is negative.
    """
    if tolerance < 0:
        raise ValueError(f"tolerance must not be negative, got {tolerance}")
    return math.ceil(tolerance if tolerance >= 1 else tolerance * math.hypot(*shape))


def boundary_map(mask: np.ndarray) -> np.ndarray:
    """The boundary of a mask, one pixel wide, as DAVIS draws it.

    A pixel is on it if its label differs from that of its right, lower or lower right neighbour; in the last row only
    the right neighbour counts, in the last column only the lower one. So the line runs along the upper left side of the
    change, inside or outside the mask, and where a mask leaves the image there is none.

    Args:
        mask: ``(H, W)``.

    Returns:
        ``(H, W)`` bool.
    """
    mask = np.asarray(mask) != 0
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    return (mask != padded[:-1, 1:]) | (mask != padded[1:, :-1]) | (mask != padded[1:, 1:])


def temporal_stability(
    mask: np.ndarray, next_mask: np.ndarray, flow: np.ndarray, occluded: np.ndarray | None = None
) -> float:
    """Intersection over union of a mask and the next frame's mask, fetched along the flow.

    Every pixel of the frame looks up the label at its place in the next frame (the nearest pixel there). Pixels that
    leave the image, or whose motion is unknown, say nothing about stability and are left out. A video whose masks never
    change in a way that motion does not explain has stability 1; that alone does not make them right.

    Args:
        mask: ``(H, W)``, of frame t.
        next_mask: ``(H, W)``, of frame t + 1.
        flow: ``(2, H, W)`` in pixels, (x, y), from frame t to frame t + 1. Not finite where unknown.
        occluded: ``(H, W)``, true for pixels of frame t that are hidden in frame t + 1; these are left out too.

    Returns:
        A fraction in [0, 1]; 1 if both masks are empty where they are compared.

    Raises:
        ValueError: Sizes do not fit together.
    """
    mask, next_mask = _checked(mask, next_mask)
    height, width = mask.shape
    flow = np.asarray(flow)
    if flow.shape != (2, height, width):
        raise ValueError(f"expected flow of shape {(2, height, width)} for these masks, got {flow.shape}")
    x, y = np.rint(flow[0] + np.arange(width)), np.rint(flow[1] + np.arange(height)[:, None])
    compared = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    if occluded is not None:
        compared &= ~_checked(occluded, mask)[0]
    x, y = x[compared].astype(np.intp), y[compared].astype(np.intp)
    return region_similarity(mask[compared][None], next_mask[y, x][None])


def box_around(mask: np.ndarray, margin: float) -> Box | None:
    """The bounding box of a mask, widened, for scoring one person of a video where others are not annotated.

    Args:
        mask: ``(H, W)``.
        margin: How far to widen each side, as a fraction of the box's width (left, right) or height (up, down).

    Returns:
        ``(x, y, w, h)`` in whole pixels inside the image; ``None`` if the mask is empty.

    Raises:
        ValueError: The margin is negative.
    """
    if margin < 0:
        raise ValueError(f"margin must not be negative, got {margin}")
    mask = np.asarray(mask) != 0
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return None
    left, right = _widened(columns[0], columns[-1] + 1, margin, mask.shape[1])
    top, bottom = _widened(rows[0], rows[-1] + 1, margin, mask.shape[0])
    return left, top, right - left, bottom - top


def _widened(start: int, end: int, margin: float, limit: int) -> tuple[int, int]:
    extra = round(margin * (end - start))
    return max(0, int(start) - extra), min(limit, int(end) + extra)


def _near(boundary: np.ndarray, radius: int) -> np.ndarray:
    """Which pixels have a boundary pixel within a distance of ``radius`` pixels."""
    distance = cv2.distanceTransform((~boundary).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Squared distances between pixels are whole numbers: half a unit of them keeps rounding errors out.
    return distance < math.sqrt(radius**2 + 0.5)


def _checked(mask: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mask, other = np.asarray(mask) != 0, np.asarray(other) != 0
    if mask.ndim != 2 or mask.shape != other.shape:
        raise ValueError(f"expected two masks of one shape (H, W), got {mask.shape} and {other.shape}")
    return mask, other
