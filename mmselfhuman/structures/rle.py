"""COCO's compressed run-length encoding (RLE), checked before pycocotools decodes it, which trusts it blindly."""

import numpy as np

_SYMBOL_OFFSET = 48
_MORE, _SIGN, _PAYLOAD, _PAYLOAD_BITS = 0x20, 0x10, 0x1F, 5
_LONGEST_NUMBER = 7
"""Symbols that a 32-bit run length needs at most."""


class MaskError(ValueError):
    """A COCO ``segmentation`` that describes no mask of its image."""


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
        raise MaskError(f"RLE counts are {shorten(counts)}, expected COCO's compressed string")
    symbols = np.frombuffer(counts, np.uint8).astype(np.int64) - _SYMBOL_OFFSET
    if not symbols.size or symbols.min() < 0 or symbols.max() >= 64 or symbols[-1] & _MORE:
        raise MaskError(f"RLE counts are {shorten(counts)}, expected COCO's compressed string")
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


def check_runs(runs: np.ndarray, height: int, width: int) -> None:
    """Let runs pass that are a mask of ``(height, width)`` pixels.

    Args:
        runs: ``(R,)`` lengths, see :func:`run_lengths`.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Raises:
        MaskError: A run is negative, or they do not sum to the number of pixels.
    """
    if runs.min(initial=0) < 0 or runs.max(initial=0) > height * width or runs.sum() != height * width:
        raise MaskError(f"RLE runs sum to {runs.sum()}, expected {height} x {width} = {height * width}")


def decode_box(rle: dict) -> tuple[tuple[slice, slice], np.ndarray]:
    """Decode a mask inside the box around it, at the cost of the box rather than of the image.

    Args:
        rle: Compressed, of a mask that is known to be sound (see :func:`check_runs`).

    Returns:
        Rows and columns of the box in the image, and ``(h, w)`` bool, what is in it: ``image[place]`` is as large. Both
        sides are 0 if the mask is empty.
    """
    height, _ = rle["size"]
    runs = run_lengths(rle["counts"])
    runs = runs[: len(runs) // 2 * 2]  # up to the last pixel of the mask
    if not runs[1::2].any():
        return np.s_[:0, :0], np.zeros((0, 0), dtype=bool)
    left, right = int(runs[0]) // height, int(runs.sum() - 1) // height + 1
    runs[0] -= left * height
    columns = np.zeros((right - left, height), dtype=bool)
    columns.ravel()[: runs.sum()] = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    rows = np.flatnonzero(columns.any(axis=0)).tolist()
    top, bottom = rows[0], rows[-1] + 1
    return np.s_[top:bottom, left:right], columns[:, top:bottom].T


def shorten(value: object) -> str:
    """A value in a message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
