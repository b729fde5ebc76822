"""When to stop, and which round to keep: what tells without any ground truth whether labels get better or worse."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

FINAL = "final "
"""Stands before the names of final labels' signals."""

_FELL = "{name} fell from {before:.3f} to {now:.3f}"
_ROSE = "{name} rose from {before:.3f} to {now:.3f}"


@dataclass(frozen=True)
class RoundFacts:
    """What is known of a round when it is judged.

    Attributes:
        round: Its number; 0 is what the loop began with.
        signals: Of its labels, by the names of :class:`~mmselfhuman.engine.label_making.RoundSignals`: of what TPR
            makes of the Seg Module's masks and, with ``'final '`` before them, of the final labels. The two are not
            compared with each other: masks put together from persons flicker more.
        agreement: IoU of final labels and the Seg Module's own masks; ``None`` if there are no final labels.
        held_out: What the held-out labelled set says, higher is better; ``None`` if there is none.
        collapsed: Why there are no labels that could be trained on; ``None`` if there are.
    """

    round: int
    signals: Mapping[str, float]
    agreement: float | None = None
    held_out: float | None = None
    collapsed: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What follows from the rounds so far.

    Attributes:
        best: The round whose networks are kept.
        stop: Whether there is no further round.
        converged: Whether that is because final prediction and Seg Module agree.
        reasons: In words.
    """

    best: int
    stop: bool
    converged: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Guard:
    """How much worse than the best round's signals a round's may be; beyond that, the loop stops and rolls back.

    The signals need no ground truth, and that they are steady does not make labels right: masks may grow smoother while
    they lose people. So no signal has to rise, and a held-out labelled set, if there is one, decides instead of them.

    Attributes:
        stability: By how much temporal stability may fall.
        network: By how much the agreement of refined labels with the network's own masks may fall.
        empty: By how much the share of frames without anybody may rise.
        ignored: By how much the share of unsure pixels may rise.
        foreground: By which factor the share of the foreground may shrink or grow.
        held_out: By how much the score on the held-out set may fall.
    """

    stability: float = 0.05
    network: float = 0.1
    empty: float = 0.1
    ignored: float = 0.15
    foreground: float = 2.0
    held_out: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, least = getattr(self, field.name), 1 if field.name == "foreground" else 0
            if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
                raise ValueError(f"guard: {field.name} must be a number of at least {least}, got {value!r}")

    def complaints(self, best: RoundFacts, now: RoundFacts) -> list[str]:
        """In what a round is worse than the best one before it; empty if it is not."""
        if now.collapsed is not None:
            return [now.collapsed]
        if best.held_out is not None and now.held_out is not None:
            fell = best.held_out - now.held_out > self.held_out
            text = _FELL.format(name="the held-out score", before=best.held_out, now=now.held_out)
            return [text] if fell else []
        return [*self._changes(best, now), *self._foreground(best, now)]

    def _changes(self, best: RoundFacts, now: RoundFacts) -> list[str]:
        limits = {"stability": -self.stability, "network": -self.network, "empty": self.empty, "ignored": self.ignored}
        found = []
        for name, before, after in _pairs(best, now, limits):
            limit = limits[name.removeprefix(FINAL)]
            if (limit <= 0 and before - after > -limit) or (limit > 0 and after - before > limit):
                found.append((_FELL if after < before else _ROSE).format(name=name, before=before, now=after))
        return found

    def _foreground(self, best: RoundFacts, now: RoundFacts) -> list[str]:
        return [
            (_FELL if after < before else _ROSE).format(name=name, before=before, now=after)
            for name, before, after in _pairs(best, now, ["foreground"])
            if before and not before / self.foreground <= after <= before * self.foreground
        ]


def _pairs(best: RoundFacts, now: RoundFacts, names: Iterable[str]) -> Iterator[tuple[str, float, float]]:
    """Signals that both rounds have."""
    for name in [prefix + name for prefix in ("", FINAL) for name in names]:
        before, after = best.signals.get(name), now.signals.get(name)
        if before is not None and after is not None:
            yield name, before, after


def judge(history: Sequence[RoundFacts], agreement: float, guard: Guard) -> Verdict:
    """Decide after a round.

    Step 5 of Algorithm 1: stop when final prediction and Seg Module agree by more than ``agreement`` (IoU). Beyond the
    paper: stop when a round is worse than the best one before it, whose networks are kept then.

    Args:
        history: All rounds so far, in order, beginning with round 0.
        agreement: The limit; the paper has 0.95.
        guard: What counts as worse.

    Raises:
        ValueError: There is no round.
    """
    if not history:
        raise ValueError("there is no round to be judged")
    best, reasons, worse = history[0], [], False
    for facts in history[1:]:
        complaints = guard.complaints(best, facts)
        worse = bool(complaints)
        if worse:
            reasons += [f"round {facts.round} is worse than round {best.round}: {text}" for text in complaints]
        elif facts.held_out is None or best.held_out is None or facts.held_out > best.held_out:
            best = facts
    last = history[-1]
    agreed = last.agreement
    converged = last.round > 0 and not worse and agreed is not None and agreed > agreement
    if converged:
        reasons.append(f"final prediction and Seg Module agree by {agreed:.3f}, more than {agreement}")
    return Verdict(best.round, worse or converged, converged, tuple(reasons))
