"""Where the loop stands, on one line."""

import sys
import time
from collections.abc import Mapping
from statistics import fmean
from typing import TextIO

from mmselfhuman.engine.self_training.ledger import Ledger, Result
from mmselfhuman.engine.self_training.loop import Watcher
from mmselfhuman.engine.self_training.plan import Plan
from mmselfhuman.engine.self_training.stages import Stage

_INTERVAL = 30.0
"""Seconds between lines where there is no terminal."""


class Progress(Watcher):
    """A live line on a terminal; elsewhere a line when a stage begins and ends, and now and then between.

    Args:
        ledger: Says how long stages took.
        estimates: Seconds by role, of a dry run, for roles of which no stage has happened yet.
        stream: Where to.
    """

    def __init__(
        self, ledger: Ledger, estimates: Mapping[str, float] | None = None, stream: TextIO = sys.stdout
    ) -> None:
        self._ledger, self._estimates, self._stream = ledger, estimates or {}, stream
        self._stage: Stage | None = None
        self._plan: Plan | None = None
        self._start = self._told = 0.0
        self._done: tuple = ()
        self._first: tuple[float, int] | None = None  # when the first report came, and what it said was done

    def begins(self, stage: Stage, plan: Plan) -> None:
        self._stage, self._plan, self._done, self._first = stage, plan, (), None
        self._start = self._told = time.monotonic()
        self._write(self._line(), passing=True)

    def advance(self, done: tuple | None) -> None:
        """Hear from the stage's process: ``(done, of how many)``, or ``None`` now and then."""
        if self._stage is None:
            return
        self._done = done or self._done
        if done and self._first is None:
            self._first = time.monotonic(), done[0]
        if self._stream.isatty():
            self._write(self._line(), passing=True)
        elif time.monotonic() - self._told >= _INTERVAL:
            self._told = time.monotonic()
            self._write(self._line())

    def ends(self, stage: Stage, result: Result) -> None:
        numbers = [f"{name} {value:.4g}" for name, value in result.metrics.items() if value is not None][:4]
        if "verdict" in result.facts:
            numbers += result.facts["verdict"]["reasons"] or ["no reason to stop"]
        if "collapsed" in result.facts:
            numbers.append(result.facts["collapsed"])
        self._write(f"{_clock()}  {stage.name:<22} {duration(result.seconds):>8}  {', '.join(numbers)}".rstrip())

    def _forecast(self) -> str:
        """How long it will take until the last round is over; of tests, some may be the first of their kind."""
        expected = [
            (stage, self._expected(stage)) for stage in self._plan.stages if not self._ledger.has_happened(stage.name)
        ]
        unknown = [stage for stage, seconds in expected if seconds is None]
        if all(stage.kind == "test" for stage in unknown):
            left = sum(seconds for _, seconds in expected if seconds is not None)
            return f"at most {duration(left)} left{', without tests' if unknown else ''}"
        own = self._own()
        return "time left not known yet" if own is None else f"{duration(own)} left of this stage"

    def _expected(self, stage: Stage) -> float | None:
        own = self._own() if stage is self._stage else None
        if own is not None:
            return own
        spent = time.monotonic() - self._start if stage is self._stage else 0.0
        likes = [
            result.seconds
            for other in self._plan.stages
            if role(other.name) == role(stage.name) and (result := self._ledger.result(other.name)) is not None
        ]
        like = fmean(likes) if likes else self._estimates.get(role(stage.name))
        return max(0.0, like - spent) if like is not None else 0.0 if stage.cheap else None

    def _own(self) -> float | None:
        """Seconds until the stage that is waited for is over, by what it has done since it was: it may have been begun,
        or interrupted, long before."""
        if self._first is None or self._done[0] <= self._first[1]:
            return None
        since, before = self._first
        return (time.monotonic() - since) * (self._done[1] - self._done[0]) / (self._done[0] - before)

    def _line(self) -> str:
        stage, plan = self._stage, self._plan
        position = (
            [one.name for one in plan.stages].index(stage.name) + 1 if stage.name != "export" else len(plan.stages)
        )
        parts = [f"round {stage.round} of {plan.rounds}", f"stage {position} of {len(plan.stages)}: {stage.name}"]
        if self._done:
            parts.append(f"{self._done[0]} of {self._done[1]}")
        parts.append(duration(time.monotonic() - self._start))
        parts.append(self._forecast())
        return f"{_clock()}  {' | '.join(parts)}"

    def _write(self, text: str, passing: bool = False) -> None:
        if self._stream.isatty():
            self._stream.write(f"\r\x1b[2K{text}" + ("" if passing else "\n"))
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()


def role(stage: str) -> str:
    """What a stage of this name does, whatever the round: stages of one role take about as long as each other."""
    return stage.partition(".")[2] if stage.startswith("round") else stage


def duration(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _clock() -> str:
    return time.strftime("%H:%M:%S")
