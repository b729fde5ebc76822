"""What follows from the rounds so far."""

import math

import pytest

from mmselfhuman.engine.self_training import Guard, Result, RoundFacts, judge
from mmselfhuman.engine.self_training.loop import facts_of
from mmselfhuman.engine.self_training.progress import duration

GOOD = {"network": 0.8, "stability": 0.9, "empty": 0.1, "ignored": 0.1, "foreground": 0.2}


def _rounds(*changes: dict, **more) -> list[RoundFacts]:
    return [RoundFacts(number, {**GOOD, **change}, **more) for number, change in enumerate(({}, *changes))]


def test_rounds_that_are_no_worse_go_on_and_the_last_is_best() -> None:
    verdict = judge(_rounds({"stability": 0.87}, {"network": 0.85}), 0.95, Guard())
    assert (verdict.best, verdict.stop, verdict.converged, verdict.reasons) == (2, False, False, ())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stability": 0.84}, "stability fell from 0.900 to 0.840"),
        ({"network": 0.69}, "network fell from 0.800 to 0.690"),
        ({"empty": 0.3}, "empty rose from 0.100 to 0.300"),
        ({"ignored": 0.3}, "ignored rose from 0.100 to 0.300"),
        ({"foreground": 0.09}, "foreground fell from 0.200 to 0.090"),
        ({"foreground": 0.5}, "foreground rose from 0.200 to 0.500"),
    ],
)
def test_a_worse_round_stops_the_loop_and_the_round_before_is_kept(change: dict, words: str) -> None:
    verdict = judge(_rounds({}, change), 0.95, Guard())
    assert (verdict.best, verdict.stop, verdict.converged) == (1, True, False)
    assert verdict.reasons == (f"round 2 is worse than round 1: {words}",)


def test_a_worse_first_round_rolls_back_to_what_the_loop_began_with() -> None:
    assert judge(_rounds({"empty": 0.9}), 0.95, Guard()).best == 0


def test_agreement_ends_the_loop_only_if_the_round_is_not_worse() -> None:
    assert judge(_rounds({}, agreement=0.96), 0.95, Guard()).converged
    worse = judge(_rounds({"empty": 1.0}, agreement=0.96), 0.95, Guard())
    assert (worse.converged, worse.stop, worse.best) == (False, True, 0)


def test_a_limit_is_no_agreement_beyond_it() -> None:
    assert not judge(_rounds({}, agreement=0.95), 0.95, Guard()).converged


def test_final_labels_are_compared_with_final_labels_only() -> None:
    rounds = [RoundFacts(0, GOOD), *(RoundFacts(n, {**GOOD, "final stability": s}) for n, s in ((1, 0.6), (2, 0.5)))]
    assert judge(rounds[:2], 0.95, Guard()).best == 1
    verdict = judge(rounds, 0.95, Guard())
    assert (verdict.best, verdict.reasons) == (
        1,
        ("round 2 is worse than round 1: final stability fell from 0.600 to 0.500",),
    )


@pytest.mark.parametrize(
    ("scores", "best", "stop"), [((50, 52, 51.5), 1, True), ((50, 49), 0, True), ((50, 51, 52), 2, False)]
)
def test_a_held_out_set_decides_instead_of_signals(scores: tuple, best: int, stop: bool) -> None:
    bad = {"stability": 0.0, "empty": 1.0, "network": 0.1}
    rounds = [RoundFacts(n, bad if n else GOOD, held_out=score) for n, score in enumerate(scores)]
    verdict = judge(rounds, 0.95, Guard())
    assert (verdict.best, verdict.stop) == (best, stop)


def test_a_held_out_score_may_fall_as_far_as_allowed_and_the_better_round_is_kept() -> None:
    rounds = [RoundFacts(n, GOOD, held_out=score) for n, score in enumerate((50.0, 49.5, 49.8))]
    verdict = judge(rounds, 0.95, Guard(held_out=1.0))
    assert (verdict.best, verdict.stop) == (0, False)


def test_signals_that_nobody_measured_are_not_judged() -> None:
    assert judge([RoundFacts(0, {}), RoundFacts(1, GOOD), RoundFacts(2, {"network": 0.8})], 0.95, Guard()).best == 2


def test_collapsed_labels_are_worse_than_anything() -> None:
    verdict = judge([RoundFacts(0, GOOD), RoundFacts(1, {}, collapsed="all background")], 0.95, Guard())
    assert (verdict.best, verdict.stop) == (0, True)


def test_nothing_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="no round"):
        judge([], 0.95, Guard())


@pytest.mark.parametrize(
    ("name", "value"), [("stability", -0.1), ("foreground", 0.5), ("empty", "a"), ("ignored", True)]
)
def test_limits_out_of_range_are_an_error(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"guard: {name} must be a number"):
        Guard(**{name: value})


def test_no_limit_is_possible() -> None:
    assert judge(_rounds({"foreground": 0.0}), 0.95, Guard(foreground=math.inf, network=1, empty=1)).best == 1


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3725, "1:02:05")])
def test_durations_are_read_as_on_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_how_well_labels_made_of_predictions_agree_with_those_is_no_measure_of_later_rounds() -> None:
    labels = Result(facts={"signals": {"network": 0.93, "stability": 0.9}})
    results = {"labels0": labels, "labels1": labels}
    assert facts_of(0, results, None).signals == {"final stability": 0.9}
    assert facts_of(1, results, None).signals == {"final network": 0.93, "final stability": 0.9}
