"""COCO's three ways to write a mask, made one: compressed run-length encoding (RLE)."""

import numpy as np
from pycocotools import mask as coco_mask

_SYMBOL_OFFSET = 48
_MORE, _SIGN, _PAYLOAD, _PAYLOAD_BITS = 0x20, 0x10, 0x1F, 5
_LONGEST_NUMBER = 7
"""Symbols that a 32-bit run length needs at most."""


class MaskError(ValueError):
    """A COCO ``segmentation`` that describes no mask of its image."""


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
        raise MaskError(f"expected polygons or an RLE with 'size' and 'counts', got {_shorten(segmentation)}")
    size, counts = segmentation["size"], segmentation["counts"]
    if not isinstance(size, list | tuple) or list(size) != [height, width]:
        raise MaskError(f"RLE of size {size} (height, width) in an image of size {[height, width]}")
    runs = _listed_runs(counts) if isinstance(counts, list) else run_lengths(counts)
    if runs.min(initial=0) < 0 or runs.sum() != height * width:
        raise MaskError(f"RLE runs sum to {runs.sum()}, expected {height} x {width} = {height * width}")
    if isinstance(counts, list):
        return coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return {"size": [height, width], "counts": counts.encode("ascii") if isinstance(counts, str) else counts}


def numbers(values: list) -> np.ndarray:
    """A list from a JSON file as a float64 array of the same length, all NaN if something in it is no number."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        return np.full(len(values), np.nan)
    return array if array.ndim == 1 else np.full(len(values), np.nan)


def run_lengths(counts: bytes | str) -> np.ndarray:
    """Decode the compressed ``counts`` of an RLE without decoding the mask.

    Returns:
        ``(R,)`` int64 lengths of the runs in column-major order, background first.

    Raises:
        MaskError: ``counts`` is no string of COCO's symbols.
    """
    if isinstance(counts, str) and counts.isascii():
        counts = counts.encode("ascii")
    if not isinstance(counts, bytes):
        raise MaskError(f"RLE counts are {_shorten(counts)}, expected COCO's compressed string")
    symbols = np.frombuffer(counts, np.uint8).astype(np.int64) - _SYMBOL_OFFSET
    if not symbols.size or symbols.min() < 0 or symbols.max() >= 64 or symbols[-1] & _MORE:
        raise MaskError(f"RLE counts are {_shorten(counts)}, expected COCO's compressed string")
    ends = np.flatnonzero(symbols & _MORE == 0)
    starts = np.concatenate(([0], ends[:-1] + 1))
    if (ends - starts).max() >= _LONGEST_NUMBER:
        raise MaskError(f"RLE counts hold a number of more than {_LONGEST_NUMBER} symbols")
    place = np.arange(symbols.size) - np.repeat(starts, ends - starts + 1)
    runs = np.add.reduceat((symbols & _PAYLOAD) << (_PAYLOAD_BITS * place), starts)
    runs -= np.where(symbols[ends] & _SIGN, 1 << (_PAYLOAD_BITS * (ends - starts + 1)), 0)
    # From the fourth on, each number is the difference to the run two places before.
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs


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
            raise MaskError(f"polygon {_shorten(polygon)}: expected at least three points [x1, y1, x2, y2, x3, y3]")
        points = numbers(polygon).reshape(-1, 2)
        if not np.isfinite(points).all():
            raise MaskError(f"polygon {_shorten(polygon)}: expected finite numbers")
        if (points < (-width, -height)).any() or (points > (2 * width, 2 * height)).any():
            raise MaskError(f"polygon {_shorten(polygon)} lies far outside its image of {width} x {height}")
    return coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))


def _listed_runs(counts: list) -> np.ndarray:
    runs = numbers(counts)
    if not np.isfinite(runs).all() or (runs % 1).any():
        raise MaskError(f"RLE counts are {_shorten(counts)}, expected integers")
    return runs.astype(np.int64)


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
