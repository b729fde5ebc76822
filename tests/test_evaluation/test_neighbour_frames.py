"""Counting what single frames miss and neighbours find, on literal data."""

import numpy as np
import pytest

from mmselfhuman.evaluation.neighbour_frames import Misses, count_misses, joints_found, persons_found
from mmselfhuman.structures import JOINT_INDEX, SIGMAS


@pytest.mark.parametrize(
    ("found", "present", "expected"),
    [
        ("111", "111", (3, 0, 0)),
        ("101", "111", (3, 1, 1)),
        ("100", "111", (3, 2, 1)),
        ("000", "111", (3, 3, 0)),
        ("011", "111", (3, 1, 1)),
        ("110", "111", (3, 1, 1)),
        ("101", "010", (1, 1, 0)),
        ("1", "1", (1, 0, 0)),
        ("0", "1", (1, 1, 0)),
        ("0", "0", (0, 0, 0)),
    ],
)
def test_a_miss_is_found_beside_if_a_neighbouring_frame_has_it(found, present, expected):
    found, present = (np.array([digit == "1" for digit in digits]) for digits in (found, present))
    assert count_misses(found, present) == Misses(*expected)
    twice = [np.stack([each, each], 1) for each in (found, present)]
    assert count_misses(*twice) == Misses(*expected) + Misses(*expected)


def test_shares():
    misses = Misses(10, 4, 1)
    assert misses.miss_rate == 0.4
    assert misses.share_beside == 0.25
    assert np.isnan(Misses().miss_rate)
    assert np.isnan(Misses(3, 0, 0).share_beside)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        count_misses(np.zeros(2), np.zeros(3))


def test_a_person_is_found_by_half_of_its_visible_pixels():
    masks = np.zeros((4, 2, 4), bool)
    masks[0, 0] = True
    masks[1, 1] = True
    masks[2, 1, :3] = True
    prediction = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], bool)
    np.testing.assert_array_equal(persons_found(prediction, masks), [True, False, False, False])
    np.testing.assert_array_equal(persons_found(prediction, masks, recall=0.25), [True, True, True, False])
    with pytest.raises(ValueError, match="prediction's size"):
        persons_found(prediction[:1], masks)


def test_a_joint_is_found_within_its_own_tolerance():
    truth = np.zeros((1, 17, 3))
    area = np.array([400.0])
    radius = 20 * 2 * SIGMAS * np.sqrt(2 * np.log(2))
    for factor, expected in ((0.99, True), (1.01, False)):
        moved = truth.copy()
        moved[0, :, 0] = factor * radius
        assert (joints_found(moved, truth, area) == expected).all()
    assert radius[JOINT_INDEX["left_hip"]] > 3 * radius[JOINT_INDEX["left_eye"]]
    with pytest.raises(ValueError, match="expected joints"):
        joints_found(truth, truth[:, :5], area)
