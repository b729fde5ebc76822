"""Many images side by side on one."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmselfhuman.visualization.overlays import text_scale

_GAP = 4
_BACKGROUND = 32


def contact_sheet(
    images: Sequence[np.ndarray],
    columns: int,
    captions: Sequence[str] | None = None,
    cell_size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Lay images out in rows, left to right.

    Args:
        images: ``(H, W, 3)`` uint8 BGR each, of any sizes.
        columns: Images per row.
        captions: A line of ASCII text under each image, cut where it is longer than the cell.
        cell_size: ``(width, height)`` in pixels of the cell that each image is shrunk (never enlarged) into. If
            ``None``, the largest width and height among the images.

    Returns:
        ``(H, W, 3)`` uint8, BGR.

    Raises:
        ValueError: There are no images, fewer than one column, or not as many captions as images.
    """
    if len(images) == 0:
        raise ValueError("a contact sheet needs at least one image")
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"{len(captions)} captions were given for {len(images)} images")
    if cell_size is not None:
        images = [_shrink(image, cell_size) for image in images]
    width, height = cell_size or (max(i.shape[1] for i in images), max(i.shape[0] for i in images))
    caption_height = 0 if captions is None else round(14 + 16 * text_scale(height))

    rows, columns = -(-len(images) // columns), min(columns, len(images))
    step_x, step_y = width + _GAP, height + caption_height + _GAP
    sheet = np.full((rows * step_y + _GAP, columns * step_x + _GAP, 3), _BACKGROUND, np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        x, y = _GAP + column * step_x, _GAP + row * step_y
        h, w = image.shape[:2]
        left, top = x + (width - w) // 2, y + (height - h) // 2
        sheet[top : top + h, left : left + w] = image
        if captions is not None:
            _write_caption(sheet[y + height : y + height + caption_height, x : x + width], captions[number], height)
    return sheet


def _shrink(image: np.ndarray, cell_size: tuple[int, int]) -> np.ndarray:
    height, width = image.shape[:2]
    factor = min(cell_size[0] / width, cell_size[1] / height)
    if factor >= 1:
        return image
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _write_caption(strip: np.ndarray, caption: str, cell_height: int) -> None:
    # OpenCV does not draw into a view of a larger array in every version: draw apart, then copy.
    line = np.ascontiguousarray(strip)
    place = 2, strip.shape[0] - 8
    cv2.putText(
        line, caption, place, cv2.FONT_HERSHEY_SIMPLEX, text_scale(cell_height), (230, 230, 230), 1, cv2.LINE_AA
    )
    strip[:] = line
