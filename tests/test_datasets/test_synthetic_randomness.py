"""Random numbers by hashing: frozen values, independence of streams, one and many at a time."""

import numpy as np
import pytest

from mmselfhuman.datasets.synthetic.randomness import Stream


def test_values_are_frozen():
    stream = Stream("people", 3)
    assert [stream.integer(1000) for _ in range(4)] == [288, 26, 794, 417]
    assert Stream("people", 3).uniform() == 0.2882697508153341


def test_an_array_of_words_holds_what_single_draws_give():
    single, many = Stream(7), Stream(7)
    assert many.words(2, 3).ravel().tolist() == [single._word() for _ in range(6)]
    assert many.uniform() == single.uniform(), "both streams have advanced alike"


def test_a_child_does_not_depend_on_what_its_parent_drew():
    parent = Stream(1)
    before = parent.child("a").uniform()
    parent.words(100)
    assert parent.child("a").uniform() == before
    assert parent.child("b").uniform() != before


@pytest.mark.parametrize("keys", [(0,), (0, 0), ("0",), (-1,), (2**64,), ("", 0), (1 << 70,)])
def test_different_keys_name_different_streams(keys):
    others = [(0,), (0, 0), ("0",), (-1,), (2**64,), ("", 0), (1 << 70,), (5,)]
    values = {Stream(*other).uniform() for other in others}
    assert len(values) == len(others)
    assert Stream(*keys).uniform() in values


def test_uniform_numbers_fill_their_range_evenly():
    stream = Stream("even")
    counts = np.bincount([int(stream.uniform(0, 10)) for _ in range(20_000)], minlength=10)
    assert len(counts) == 10
    assert counts.min() > 1800
    assert counts.max() < 2200


def test_weighted_choice_follows_its_weights_and_never_takes_a_zero():
    stream = Stream("weights")
    drawn = [stream.weighted({"never": 0.0, "rarely": 1.0, "often": 3.0}) for _ in range(4000)]
    assert drawn.count("never") == 0
    assert drawn.count("often") / 4000 == pytest.approx(0.75, abs=0.03)


def test_a_bell_has_the_spread_asked_for():
    stream = Stream("bell")
    values = np.array([stream.bell(2.0) for _ in range(4000)])
    assert values.std() == pytest.approx(2.0, rel=0.05)
    assert abs(values.mean()) < 0.15


def test_wandering_is_smooth_bounded_and_can_be_asked_for_anywhere():
    times = np.arange(400) / 100.0
    path = Stream("w").wander(times, 0.5)
    assert np.abs(path).max() <= 1.0
    assert np.abs(np.diff(path)).max() < 2 * 1.5 / 0.5 / 100 * 1.01, "the slope of a smooth step of height 2 is bounded"
    assert np.ptp(path) > 0.5
    assert Stream("w").wander(times[123:124], 0.5)[0] == path[123]
