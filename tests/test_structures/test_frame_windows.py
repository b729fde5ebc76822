"""Windows against their definition: frame t sees t - (size - 1) // 2 ... t + size // 2."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmselfhuman.structures import Frame, sliding_windows, window_offsets

SIZES = st.integers(1, 9)
LENGTHS = st.integers(0, 12)


def _times(t: int, size: int) -> range:
    return range(t - (size - 1) // 2, t + size // 2 + 1)


@given(LENGTHS, SIZES)
def test_clipped_windows_hold_the_frames_that_exist(length, size):
    windows = list(sliding_windows(range(length), size, border="clip"))
    assert [list(w.frames) for w in windows] == [[s for s in _times(t, size) if 0 <= s < length] for t in range(length)]
    assert [w.center_frame for w in windows] == list(range(length))


@given(LENGTHS, SIZES)
def test_replicated_windows_are_full_and_repeat_the_border(length, size):
    windows = list(sliding_windows(range(length), size, border="replicate"))
    assert [list(w.frames) for w in windows] == [
        [min(max(s, 0), length - 1) for s in _times(t, size)] for t in range(length)
    ]
    assert [w.center_frame for w in windows] == list(range(length))
    assert all(len(w) == size for w in windows)


def test_a_window_of_two_is_a_frame_and_the_next():
    assert [w.frames for w in sliding_windows("abc", 2)] == [("a", "b"), ("b", "c"), ("c",)]


def test_a_window_is_given_out_as_soon_as_its_last_frame_is_there():
    pulled = []

    def frames():
        for t in range(6):
            pulled.append(t)
            yield t

    windows = sliding_windows(frames(), 3)
    assert next(windows).center_frame == 0
    assert pulled == [0, 1]
    assert next(windows).center_frame == 1
    assert pulled == [0, 1, 2]


def test_no_more_frames_are_held_than_a_window_has():
    def frames():
        for t in range(200):
            yield Frame(t, np.zeros((100, 100, 3), np.uint8))

    tracemalloc.start()
    for _ in sliding_windows(frames(), 5):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 30_000


@pytest.mark.parametrize(("size", "border", "culprit"), [(0, "clip", "size=0"), (3, "reflect", "'reflect'")])
def test_impossible_windows_are_refused_when_asked_for(size, border, culprit):
    with pytest.raises(ValueError, match=culprit):
        sliding_windows([1, 2], size, border)


@pytest.mark.parametrize(
    ("window", "offsets"),
    [(1, ()), (2, (1,)), (3, (-1, 1)), (4, (-1, 1, 2)), (5, (-2, -1, 1, 2)), (7, (-3, -2, -1, 1, 2, 3))],
)
def test_windows_are_centred_and_even_ones_look_ahead(window, offsets):
    assert window_offsets(window) == offsets


@pytest.mark.parametrize("window", [0, 1.5, True, 1000])
def test_what_is_no_window_is_refused(window):
    with pytest.raises(ValueError, match="window: expected at least 1"):
        window_offsets(window)
