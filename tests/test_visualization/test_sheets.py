"""Every image is on the sheet, whole and in its place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmselfhuman.visualization import contact_sheet


def _find(sheet: np.ndarray, value: int) -> tuple[slice, slice]:
    """Rows and columns of the pixels with that value in every channel."""
    y, x = np.nonzero((sheet == value).all(axis=2))
    return slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1)


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=7), st.integers(1, 4))
def test_images_of_any_sizes_are_laid_out_row_by_row_without_overlap(sizes, columns):
    images = [np.full((*size, 3), 100 + 10 * number, np.uint8) for number, size in enumerate(sizes)]
    sheet = contact_sheet(images, columns)
    places = [_find(sheet, 100 + 10 * number) for number in range(len(sizes))]
    for (rows, cols), (height, width) in zip(places, sizes, strict=True):
        assert (rows.stop - rows.start, cols.stop - cols.start) == (height, width)
    for number in range(1, len(sizes)):
        (rows, cols), (rows_before, cols_before) = places[number], places[number - 1]
        assert rows.start >= rows_before.stop if number % columns == 0 else cols.start >= cols_before.stop


def test_images_are_shrunk_into_the_cell_keeping_their_shape_and_never_enlarged():
    sheet = contact_sheet([np.full((100, 50, 3), 200, np.uint8), np.full((4, 6, 3), 250, np.uint8)], 2, None, (40, 40))
    rows, cols = _find(sheet, 200)
    assert (rows.stop - rows.start, cols.stop - cols.start) == (40, 20)
    rows, cols = _find(sheet, 250)
    assert (rows.stop - rows.start, cols.stop - cols.start) == (4, 6)


def test_captions_are_written_under_the_images_and_cut_at_the_cell():
    images = [np.zeros((40, 60, 3), np.uint8)] * 2
    plain, captioned = contact_sheet(images, 2), contact_sheet(images, 2, ["a caption much longer than the cell", ""])
    strip = captioned[44:-4]
    assert captioned.shape[0] > plain.shape[0]
    assert (strip[:, 4:64] > 200).any()
    assert (strip[:, 64:] == strip[0, 64]).all()


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (([], 3), "at least one image"),
        (([np.zeros((2, 2, 3), np.uint8)], 0), "got 0"),
        (([np.zeros((2, 2, 3), np.uint8)], 1, ["a", "b"]), "2 captions were given for 1 images"),
    ],
)
def test_what_makes_no_sheet_is_named(arguments, culprit):
    with pytest.raises(ValueError, match=culprit):
        contact_sheet(*arguments)
