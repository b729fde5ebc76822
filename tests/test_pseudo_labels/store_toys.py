"""Small pseudo-labels, and ways to compare them and what is on disk."""

from pathlib import Path

import numpy as np

from mmselfhuman.structures import PseudoLabel

HEIGHT, WIDTH = 5, 7


def label(frame, height=HEIGHT, width=WIDTH, **fields):
    fields.setdefault("image", np.full((height, width, 3), frame % 256, np.uint8))
    return PseudoLabel(frame=frame, height=height, width=width, **fields)


def plain(value):
    """A label or part of it as values that can be compared."""
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tolist()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__ if name != "image"}
    return value


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
