"""What is told about a set of labels, and which sets are refused."""

import numpy as np
import pytest

from mmselfhuman.engine.label_making import CollapsedLabelsError, CollapseGuard, FrameSignals
from mmselfhuman.engine.label_making.sharding import shards
from mmselfhuman.engine.label_making.signals import Tally, agreement, foreground, summarise


def _frame(background: int, person: int, ignored: int = 0, **others) -> FrameSignals:
    classes = {name: count for name, count in (("0", background), ("1", person)) if count}
    values = {"network": 1.0, "previous": None, "stability": None, "unreliable": None, **others}
    return FrameSignals(classes=classes, ignored=ignored, foreground=person, **values)


def _tally(*frames: FrameSignals) -> Tally:
    tally = Tally()
    for frame in frames:
        tally.add(frame)
    return tally


def test_shares_are_of_pixels_and_means_of_frames_that_have_a_value() -> None:
    signals = summarise(
        {
            "a": _tally(_frame(60, 40, stability=0.5, network=0.8), _frame(80, 0, ignored=20)),
            "b": _tally(_frame(50, 50, previous=0.25, network=0.6)),
        },
        background=0,
    )
    assert (signals.clips, signals.frames) == (2, 3)
    assert signals.empty == pytest.approx(1 / 3)
    assert signals.foreground == pytest.approx(90 / 280)
    assert signals.largest_class == pytest.approx(190 / 280)
    assert signals.ignored == pytest.approx(20 / 300)
    assert signals.network == pytest.approx((0.8 + 1 + 0.6) / 3)
    assert (signals.stability, signals.previous, signals.unreliable) == (0.5, 0.25, None)
    assert "unreliable" not in signals.scalars()


def test_the_order_of_clips_does_not_matter() -> None:
    tallies = {name: _tally(_frame(1, 2, network=value)) for name, value in (("a", 0.1), ("b", 0.7), ("c", 1e-9))}
    assert summarise(tallies, 0) == summarise(dict(reversed(tallies.items())), 0)


def test_nothing_labelled_is_refused() -> None:
    with pytest.raises(CollapsedLabelsError, match="no clip could be read"):
        summarise({}, 0)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (_frame(10_000, 5), r"99\.95% of the pixels that are not ignored are background \(limit 99\.90%\)"),
        (_frame(0, 10_000), r"100\.00% of the pixels that are not ignored are one and the same foreground class"),
        (_frame(20, 20, ignored=960), r"96\.00% of all pixels are ignored \(limit 95\.00%\)"),
        (_frame(0, 0, ignored=100), r"100\.00% of all pixels are ignored"),
    ],
)
def test_collapsed_labels_are_refused_with_numbers(frame: FrameSignals, message: str) -> None:
    with pytest.raises(CollapsedLabelsError, match=message):
        CollapseGuard()(summarise({"a": _tally(frame)}, 0))


@pytest.mark.parametrize("frame", [_frame(9_900, 100), _frame(100, 9_900), _frame(30, 30, ignored=940)])
def test_labels_short_of_collapse_pass(frame: FrameSignals) -> None:
    CollapseGuard()(summarise({"a": _tally(frame)}, 0))


def test_limits_are_shares() -> None:
    with pytest.raises(ValueError, match=r"ignored: expected a share in \(0, 1\], got 95"):
        CollapseGuard(ignored=95)


def test_agreement_is_counted_where_both_are_sure() -> None:
    label = np.array([[0, 1, 1, 255]], np.uint8)
    other = np.array([[0, 1, 0, 1]], np.uint8)
    assert agreement(label, other, background=0) == 0.5
    assert agreement(label, np.full_like(label, 255), background=0) == 1
    with pytest.raises(ValueError, match=r"\(1, 4\) and \(1, 3\) pixels"):
        agreement(label, other[:, :3], background=0)


def test_without_a_background_everything_is_foreground() -> None:
    assert foreground(np.zeros((2, 2), np.uint8), None).all()


def test_signals_survive_json() -> None:
    signals = _frame(3, 4, stability=0.123456, unreliable=0.5)
    assert FrameSignals.from_json(signals.as_json()) == signals


def test_clips_are_dealt_out_evenly_and_completely() -> None:
    dealt = shards([100, 10, 10, 40, 40, None], 2)
    assert sorted(index for shard in dealt for index in shard) == list(range(6))
    loads = [sum([100, 10, 10, 40, 40, 40][index] for index in shard) for shard in dealt]
    assert loads == [120, 120]


def test_more_ranks_than_clips_leave_some_idle() -> None:
    assert shards([5], 3) == [[0], [], []]
