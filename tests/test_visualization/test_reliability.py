"""Maps of trust: what glows, what is tinted, what stays grey."""

import numpy as np
import pytest

from mmselfhuman.visualization.reliability import (
    RENEWED,
    UNRELIABLE,
    draw_reliability,
    draw_unreliable_vectors,
    reliability_to_colour,
)

IMAGE = np.full((40, 60, 3), 100, np.uint8)


def test_doubt_glows_and_trust_is_black():
    colours = reliability_to_colour(np.array([[1, 0.5, 0, -3, 7]]))[0].astype(int).sum(1)
    assert colours[0] < 10
    assert colours[0] < colours[1] < colours[2]
    assert colours[3] == colours[2]
    assert colours[4] == colours[0]


def test_a_map_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(H, W\), got \(1, 2, 3\)"):
        reliability_to_colour(np.zeros((1, 2, 3)))


def test_a_trusted_frame_is_a_dim_grey_picture_and_the_map_may_be_coarse():
    drawn = draw_reliability(IMAGE, np.array([[1, 1], [1, 0]]))
    assert drawn.shape == IMAGE.shape
    assert (drawn[:10, :15] == 50).all()
    np.testing.assert_allclose(drawn[-1, -1], 0.75 * reliability_to_colour(np.zeros((1, 1)))[0, 0] + 0.25 * 50, atol=1)


def test_unreliable_vectors_are_tinted_and_replaced_ones_otherwise():
    flow = np.zeros((2, 40, 60), np.float32)
    renewed = flow.copy()
    renewed[0, :, 30:] = 3
    unreliable = np.zeros((40, 60), bool)
    unreliable[10:20, 10:50] = True
    drawn = draw_unreliable_vectors(IMAGE, flow, unreliable, renewed)
    assert (drawn[19, 11:29] == UNRELIABLE).all()
    assert (drawn[19, 40:48] == RENEWED).all()
    assert (drawn[30] == 50).all(), "pixels that are reliable, and far from any arrow, stay grey"
    assert (draw_unreliable_vectors(IMAGE, flow, np.zeros((40, 60), bool)) == 50).all()


def test_an_arrow_points_along_the_vector():
    flow = np.zeros((2, 40, 60), np.float32)
    flow[0] = 20
    unreliable = np.zeros((40, 60), bool)
    unreliable[20, 10] = True
    drawn = draw_unreliable_vectors(IMAGE, flow, unreliable)
    assert (drawn[20, 12:29] > 200).all()
    assert (drawn[20, :9] == 50).all()


def test_vectors_that_do_not_fit_the_image_are_refused():
    with pytest.raises(ValueError, match=r"unreliable of shape \(40, 60\).*got \(4, 6\)"):
        draw_unreliable_vectors(IMAGE, np.zeros((2, 40, 60)), np.zeros((4, 6), bool))
