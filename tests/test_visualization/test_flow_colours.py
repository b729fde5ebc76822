"""Flow colours against the published convention: hue is direction, saturation is length."""

import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmselfhuman.visualization import flow_to_colour, flow_wheel


def _colour(x: float, y: float, max_length: float | None = 1.0) -> tuple[int, ...]:
    return tuple(int(c) for c in flow_to_colour(np.array([x, y], np.float32).reshape(2, 1, 1), max_length)[0, 0])


def _hue(bgr: tuple[int, ...]) -> float:
    """Degrees."""
    return 360 * colorsys.rgb_to_hsv(*(c / 255 for c in bgr[::-1]))[0]


@pytest.mark.parametrize(
    ("direction", "hue"),
    # Positions on the wheel of 55 hues: right 0, down 13.75, left 27.5, up 41.25.
    [((1, 0), 0), ((0, 1), 60 * 13.75 / 15), ((-1, 0), 180 + 60 * 2.5 / 11), ((0, -1), 240 + 60 * 5.25 / 13)],
)
def test_directions_have_the_hues_of_the_middlebury_wheel(direction, hue):
    assert _hue(_colour(*direction)) == pytest.approx(hue, abs=1)


def test_no_motion_is_white_and_half_the_length_half_saturated():
    assert _colour(0, 0) == (255, 255, 255)
    assert _colour(1, 0) == (0, 0, 255)
    assert _colour(0.5, 0) == (128, 128, 255)


def test_longer_vectors_are_full_and_darker():
    assert _colour(5, 0) == (0, 0, 191)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_unknown_motion_is_black_and_does_not_set_the_scale(value):
    flow = np.array([[[1, value]], [[0, 0]]], np.float32)
    np.testing.assert_array_equal(flow_to_colour(flow)[0], [[0, 0, 255], [0, 0, 0]])


@given(st.floats(0.01, 100))
def test_without_a_length_the_longest_vector_is_full(length):
    flow = np.array([[[length, length / 2]], [[0, 0]]], np.float32)
    np.testing.assert_array_equal(flow_to_colour(flow)[0], [[0, 0, 255], [128, 128, 255]])


def test_a_field_without_motion_is_white():
    assert (flow_to_colour(np.zeros((2, 3, 4))) == 255).all()


def test_the_legend_shows_each_vector_where_it_points():
    wheel = flow_wheel(101)
    assert tuple(wheel[50, 50]) == (255, 255, 255)
    assert tuple(wheel[50, 100]) == _colour(1, 0)
    assert tuple(wheel[100, 50]) == _colour(0, 1)
    assert tuple(wheel[0, 0]) == (255, 255, 255)


@pytest.mark.parametrize(
    ("flow", "length", "culprit"), [(np.zeros((3, 4, 2)), None, r"\(3, 4, 2\)"), (np.zeros((2, 3, 4)), 0, "got 0")]
)
def test_what_cannot_be_coloured_is_named(flow, length, culprit):
    with pytest.raises(ValueError, match=culprit):
        flow_to_colour(flow, length)
