"""COCO's three ways to write a mask, made one: compressed run-length encoding (RLE)."""

import numpy as np
from pycocotools import mask as coco_mask

from mmselfhuman.structures.rle import MaskError, check_runs, run_lengths, shorten

_LONGEST_OUTLINE = 2**20
"""Pixels along the edges of a polygon. pycocotools keeps 16 bytes for every fifth of one."""


def to_rle(segmentation: list | dict, height: int, width: int) -> dict:
    """Turn any COCO ``segmentation`` into a compressed RLE, pixel for pixel as ``pycocotools.COCO.annToRLE`` does.

    Args:
        segmentation: Polygons ``[[x1, y1, x2, y2, ...], ...]`` in pixels (their union is the mask), an uncompressed RLE
            ``{'size': [h, w], 'counts': [int, ...]}``, or a compressed one (``counts`` str or bytes).
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Returns:
        ``{'size': [height, width], 'counts': bytes}``.

    Raises:
        MaskError: The polygons or runs are malformed, or the RLE is of another size than the image.
    """
    if isinstance(segmentation, list):
        return _from_polygons(segmentation, height, width)
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= segmentation.keys():
        raise MaskError(f"expected polygons or an RLE with 'size' and 'counts', got {shorten(segmentation)}")
    size, counts = segmentation["size"], segmentation["counts"]
    if not isinstance(size, list | tuple) or list(size) != [height, width]:
        raise MaskError(f"RLE of size {size} (height, width) in an image of size {[height, width]}")
    runs = _listed_runs(counts) if isinstance(counts, list) else run_lengths(counts)
    check_runs(runs, height, width)
    if isinstance(counts, list):
        return coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return {"size": [height, width], "counts": counts.encode("ascii") if isinstance(counts, str) else counts}


def numbers(values: list) -> np.ndarray:
    """A list from a JSON file as a float64 array of the same length, all NaN if something in it is no number."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.full(len(values), np.nan)
    return array if array.ndim == 1 else np.full(len(values), np.nan)


def box_to_rle(box: tuple[float, float, float, float], height: int, width: int) -> dict:
    """The RLE of a filled box ``(x, y, w, h)`` in pixels, clipped to the image."""
    x, y, w, h = box
    x1, x2 = np.clip([x, x + w], 0, width)
    y1, y2 = np.clip([y, y + h], 0, height)
    return coco_mask.frPyObjects(np.array([[x1, y1, x2 - x1, y2 - y1]], dtype=np.float64), height, width)[0]


def union_rle(rles: list[dict], height: int, width: int) -> dict:
    """The RLE of all pixels in any of the compressed RLEs; empty if there are none."""
    if rles:
        return coco_mask.merge(rles)
    return coco_mask.frPyObjects({"size": [height, width], "counts": [height * width]}, height, width)


def union_mask(rles: list[dict], height: int, width: int) -> np.ndarray:
    """``(height, width)`` bool: pixels in any of the compressed RLEs."""
    return coco_mask.decode(union_rle(rles, height, width)).astype(bool)


def _from_polygons(polygons: list, height: int, width: int) -> dict:
    if not polygons:
        raise MaskError("no polygon")
    for polygon in polygons:
        # pycocotools reads four numbers as a box, fewer as nothing, and walks every pixel of an edge, however long.
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise MaskError(f"polygon {shorten(polygon)}: expected at least three points [x1, y1, x2, y2, x3, y3]")
        points = numbers(polygon).reshape(-1, 2)
        if not np.isfinite(points).all():
            raise MaskError(f"polygon {shorten(polygon)}: expected finite numbers")
        if (points < (-width, -height)).any() or (points > (2 * width, 2 * height)).any():
            raise MaskError(f"polygon {shorten(polygon)} lies far outside its image of {width} x {height}")
        if np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum() > _LONGEST_OUTLINE:
            raise MaskError(f"polygon {shorten(polygon)} has edges of more than {_LONGEST_OUTLINE} pixels")
    return coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))


def _listed_runs(counts: list) -> np.ndarray:
    runs = numbers(counts)
    if not np.isfinite(runs).all() or (runs % 1).any():
        raise MaskError(f"RLE counts are {shorten(counts)}, expected integers")
    # What is out of range would become any number.
    return np.where(np.abs(runs) < 2**53, runs, -1).astype(np.int64)
