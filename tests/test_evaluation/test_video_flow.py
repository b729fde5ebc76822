"""End-point error against the formula, vector by vector."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmselfhuman.evaluation.video_flow import end_point_errors, mean_end_point_error

VECTORS = st.sampled_from([-3.0, 0.0, 0.5, 4.0, np.nan, np.inf])
SHAPES = st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 4))
CASES = SHAPES.flatmap(
    lambda s: st.tuples(
        arrays(np.float32, (s[0], 2, *s[1:]), elements=VECTORS),
        arrays(np.float32, (s[0], 2, *s[1:]), elements=VECTORS),
        arrays(bool, s),
        arrays(bool, s),
    )
)


def _distance(vector, true_vector) -> float:
    if not all(map(math.isfinite, true_vector)):
        return math.nan
    if not all(map(math.isfinite, vector)):
        return math.inf
    return math.dist(vector, true_vector)


@given(CASES)
def test_errors_are_distances_and_their_means_are_over_the_chosen_pixels(case):
    flow, truth, unreliable, occluded = case
    expected = np.array(
        [_distance(flow[n, :, y, x], truth[n, :, y, x]) for n, y, x in np.ndindex(*unreliable.shape)]
    ).reshape(unreliable.shape)
    np.testing.assert_allclose(end_point_errors(flow, truth), expected, rtol=1e-6)

    def mean(chosen) -> float:
        values = [value for value in expected[chosen] if not math.isnan(value)]
        return sum(values) / len(values) if values else math.nan

    assert mean_end_point_error(flow, truth, unreliable, occluded) == pytest.approx(
        {"all": mean(np.ones_like(unreliable)), "unreliable": mean(unreliable), "occluded": mean(occluded)}, nan_ok=True
    )


def test_only_what_is_asked_for_is_reported():
    flow = np.zeros((2, 3, 4))
    assert mean_end_point_error(flow, flow + 3) == {"all": pytest.approx(math.hypot(3, 3))}
    result = mean_end_point_error(flow, flow, occluded=np.zeros((3, 4)))
    assert result["all"] == 0
    assert math.isnan(result["occluded"])


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ((np.zeros((3, 4, 2)), np.zeros((3, 4, 2))), r"\(3, 4, 2\)"),
        ((np.zeros((2, 3, 4)), np.zeros((2, 4, 3))), r"\(2, 4, 3\)"),
        ((np.zeros((2, 3, 4)), np.zeros((2, 3, 4)), np.zeros((4, 3))), r"unreliable of shape \(3, 4\).*got \(4, 3\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(arguments, culprit):
    with pytest.raises(ValueError, match=culprit):
        mean_end_point_error(*arguments)
