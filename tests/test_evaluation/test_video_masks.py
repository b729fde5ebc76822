"""J, F and stability against definitions written out pixel by pixel, and F against Euclidean distance transforms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from mmselfhuman.evaluation.video_masks import (
    boundary_accuracy,
    boundary_map,
    boundary_radius,
    box_around,
    region_similarity,
    temporal_stability,
)

SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
PAIRS = SIZES.flatmap(lambda size: st.tuples(arrays(bool, size), arrays(bool, size)))


def _pixels(mask) -> set[tuple[int, int]]:
    return {(int(y), int(x)) for y, x in zip(*np.nonzero(mask), strict=True)}


def _boundary(mask) -> set[tuple[int, int]]:
    """Pixels whose right, lower or lower right neighbour, if it exists, has another label."""
    height, width = mask.shape
    found = set()
    for y in range(height):
        for x in range(width):
            neighbours = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            if any(v < height and u < width and mask[v, u] != mask[y, x] for v, u in neighbours):
                found.add((y, x))
    return found


def _matched(ours: set, theirs: set, radius: int) -> float:
    close = [any((y - v) ** 2 + (x - u) ** 2 <= radius**2 for v, u in theirs) for y, x in ours]
    return sum(close) / len(close)


def _f(predicted, truth, radius: int) -> float:
    ours, theirs = _boundary(predicted), _boundary(truth)
    if not ours or not theirs:
        return float(ours == theirs)
    precision, recall = _matched(ours, theirs, radius), _matched(theirs, ours, radius)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@given(PAIRS)
def test_j_is_intersection_over_union(pair):
    a, b = map(_pixels, pair)
    assert region_similarity(*pair) == pytest.approx(len(a & b) / len(a | b) if a | b else 1)


@given(PAIRS)
def test_the_boundary_is_where_labels_change(pair):
    assert _pixels(boundary_map(pair[0])) == _boundary(pair[0])


@given(PAIRS, st.integers(0, 4))
def test_f_is_the_share_of_boundaries_within_a_disk_of_each_other(pair, radius):
    tolerance = radius or 0.0
    assert boundary_accuracy(*pair, tolerance) == pytest.approx(_f(*pair, radius))


def test_f_on_large_masks_agrees_with_distance_transforms():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:240, :427]
    for _ in range(8):
        masks = []
        for _ in range(2):
            cy, cx, ry, rx = rng.uniform((90, 180, 30, 30), (150, 240, 80, 120))
            masks.append(((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 + rng.normal(0, 0.05, y.shape) < 1)
        ours, theirs = map(boundary_map, masks)
        radius = math.ceil(0.008 * math.hypot(240, 427))
        precision = (distance_transform_edt(~theirs)[ours] <= radius).mean()
        recall = (distance_transform_edt(~ours)[theirs] <= radius).mean()
        assert boundary_accuracy(*masks) == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-12)


@given(PAIRS)
def test_f_and_j_are_symmetric_and_perfect_for_equal_masks(pair):
    for measure in (region_similarity, boundary_accuracy):
        assert measure(*pair) == pytest.approx(measure(*pair[::-1]))
        assert measure(pair[0], pair[0]) == 1


@pytest.mark.parametrize(
    ("predicted", "truth", "j", "f"),
    [
        (np.zeros((4, 4)), np.zeros((4, 4)), 1, 1),
        (np.zeros((4, 4)), np.eye(4), 0, 0),
        (np.eye(4), np.zeros((4, 4)), 0, 0),
        (np.ones((4, 4)), np.zeros((4, 4)), 0, 1),  # no boundary in either: DAVIS's own reading
    ],
)
def test_empty_and_full_masks_score_as_in_davis(predicted, truth, j, f):
    assert region_similarity(predicted, truth) == j
    assert boundary_accuracy(predicted, truth) == f


def test_the_tolerance_is_a_share_of_the_diagonal_or_pixels():
    assert boundary_radius((480, 854), 0.008) == 8
    assert boundary_radius((3, 4), 0.5) == 3
    assert boundary_radius((480, 854), 2) == 2
    with pytest.raises(ValueError, match="-1"):
        boundary_radius((3, 4), -1)


def test_a_shift_costs_f_only_beyond_the_tolerance():
    truth = np.zeros((60, 60), bool)
    truth[20:40, 20:40] = True
    assert boundary_accuracy(np.roll(truth, 2, axis=1), truth, 2) == 1
    assert boundary_accuracy(np.roll(truth, 3, axis=1), truth, 2) < 1


def _stability(mask, next_mask, flow, occluded) -> float:
    both = either = 0
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            u, v = flow[:, y, x]
            if not (math.isfinite(u) and math.isfinite(v)) or occluded[y, x]:
                continue
            there_y, there_x = y + round(v), x + round(u)  # whole and quarter pixels: no ties
            if 0 <= there_y < height and 0 <= there_x < width:
                both += mask[y, x] and next_mask[there_y, there_x]
                either += mask[y, x] or next_mask[there_y, there_x]
    return both / either if either else 1.0


@given(
    SIZES.flatmap(
        lambda size: st.tuples(
            arrays(bool, size),
            arrays(bool, size),
            arrays(np.float32, (2, *size), elements=st.sampled_from([-3, -1.25, 0, 0.25, 1, 2, np.nan, np.inf])),
            arrays(bool, size),
        )
    )
)
@settings(max_examples=200)
def test_stability_fetches_the_next_label_of_every_pixel_that_is_compared(case):
    assert temporal_stability(*case) == pytest.approx(_stability(*case))


def test_a_mask_that_moves_as_its_pixels_do_is_stable_and_one_that_stays_behind_is_not():
    mask = np.zeros((20, 20), bool)
    mask[5:10, 5:10] = True
    flow = np.zeros((2, 20, 20), np.float32)
    flow[0], flow[1] = 3, -2
    moved = np.roll(mask, (-2, 3), axis=(0, 1))
    assert temporal_stability(mask, moved, flow) == 1
    assert temporal_stability(mask, mask, flow) < 0.3


def test_occluded_pixels_can_be_left_out():
    mask = np.ones((1, 4), bool)
    next_mask = np.array([[1, 1, 0, 0]], bool)
    still = np.zeros((2, 1, 4), np.float32)
    assert temporal_stability(mask, next_mask, still) == 0.5
    assert temporal_stability(mask, next_mask, still, occluded=~next_mask) == 1


def test_a_box_is_widened_by_a_share_of_its_sides_and_stays_inside_the_image():
    mask = np.zeros((20, 30), bool)
    mask[4:8, 10:20] = True
    assert box_around(mask, 0) == (10, 4, 10, 4)
    assert box_around(mask, 0.5) == (5, 2, 20, 8)
    assert box_around(mask, 3) == (0, 0, 30, 20)
    assert box_around(np.zeros((2, 2)), 0.5) is None
    with pytest.raises(ValueError, match="margin"):
        box_around(mask, -0.1)


@pytest.mark.parametrize(
    ("function", "arguments", "culprit"),
    [
        (region_similarity, (np.zeros((2, 3)), np.zeros((3, 2))), r"\(2, 3\) and \(3, 2\)"),
        (boundary_accuracy, (np.zeros((2, 3)), np.zeros(3)), r"\(2, 3\) and \(3,\)"),
        (temporal_stability, (np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3, 2))), r"got \(2, 3, 2\)"),
        (temporal_stability, (np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 2, 3)), np.zeros(2)), r"\(2,\)"),
    ],
)
def test_sizes_that_do_not_fit_are_named(function, arguments, culprit):
    with pytest.raises(ValueError, match=culprit):
        function(*arguments)
