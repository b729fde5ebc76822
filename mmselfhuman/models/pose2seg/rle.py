"""Masks in windows of a frame as run-length encoding of the frame, without painting the frame."""

import numpy as np
from pycocotools import mask as coco_mask

from mmselfhuman.models.pose2seg.crops import Window


def window_to_rle(window: Window, frame_size: tuple[int, int]) -> dict:
    """What ``pycocotools.mask.encode`` gives of the frame, at the cost of the window.

    Args:
        window: Its values are ``(h, w)`` bool, all inside the frame.
        frame_size: ``(height, width)`` in pixels.

    Returns:
        Compressed COCO RLE, ``{'size': [height, width], 'counts': bytes}``.
    """
    height, width = frame_size
    values = window.values.cpu().numpy()
    # Background above and below the window: then runs begin and end inside their column.
    edges = np.flatnonzero(np.diff(values, axis=0, prepend=False, append=False))
    row, column = np.divmod(edges, max(values.shape[1], 1))
    places, times = np.unique((window.x + column) * height + window.y + row, return_counts=True)
    # Where a run that ends at the bottom meets one that begins at the top of the next column, they are one.
    changes = places[times == 1]
    runs = np.diff(changes, prepend=0, append=height * width).tolist()
    if len(runs) > 1 and not runs[-1]:
        del runs[-1]
    return coco_mask.frPyObjects({"size": [height, width], "counts": runs}, height, width)
