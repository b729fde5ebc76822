"""MaxIoU against counting unit squares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmselfhuman.structures import box_iou, max_iou

BOXES = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)), min_size=0, max_size=5
)


def _squares(box) -> set:
    x, y, w, h = box
    return {(i, j) for i in range(x, x + w) for j in range(y, y + h)}


def _iou(a, b) -> float:
    union = _squares(a) | _squares(b)
    return len(_squares(a) & _squares(b)) / len(union) if union else 0.0


@given(BOXES)
def test_max_iou_is_the_largest_overlap_with_another_person(boxes):
    expected = [max((_iou(a, b) for j, b in enumerate(boxes) if j != i), default=0.0) for i, a in enumerate(boxes)]
    np.testing.assert_allclose(max_iou(boxes), expected, atol=1e-12)


@given(BOXES, BOXES)
def test_box_iou_compares_every_pair(first, second):
    expected = np.array([[_iou(a, b) for b in second] for a in first]).reshape(len(first), len(second))
    np.testing.assert_allclose(box_iou(first, second), expected, atol=1e-12)


def test_equal_boxes_of_two_persons_overlap_fully():
    np.testing.assert_array_equal(max_iou([[1, 2, 3, 4], [1, 2, 3, 4], [50, 50, 1, 1]]), [1, 1, 0])


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[0, 0, 1]], r"\(1, 3\)"),
        ([[0, 0, 1, 1], [0, 0, -1, 1]], "box 1 must be finite"),
        ([[0, np.nan, 1, 1]], "box 0 must be finite"),
    ],
)
def test_what_is_no_box_is_refused(boxes, message):
    with pytest.raises(ValueError, match=message):
        max_iou(boxes)
