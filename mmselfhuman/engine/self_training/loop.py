"""Algorithm 1, stage by stage, from wherever the ledger says that it has come."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from mmselfhuman.engine.self_training.guards import FINAL, Guard, RoundFacts, Verdict, judge
from mmselfhuman.engine.self_training.ledger import Ledger, LedgerError, Result, now, write_result
from mmselfhuman.engine.self_training.plan import Plan
from mmselfhuman.engine.self_training.stages import Stage, dependents, digest


class StageFailedError(RuntimeError):
    """A stage ended without a result; the message says how, and what to do."""


class Executor(Protocol):
    """Carries out a stage.

    It has :func:`~mmselfhuman.engine.self_training.ledger.write_result` called in the stage's folder as the last act.
    """

    def __call__(self, stage: Stage, folder: Path, inputs: dict[str, Result]) -> None:
        """Carry out a stage.

        Raises:
            StageFailedError: It failed.
        """


class Beside(Protocol):
    """Lets stages be carried out beside the one that the loop waits for; the executor, called with one of them, waits
    for it."""

    def begin(self, stage: Stage, folder: Path, inputs: dict[str, Result]) -> None:
        """Begin a stage; returns at once.

        Raises:
            StageFailedError: It cannot be begun.
        """

    def stop(self) -> None:
        """Stop what was begun and has not been waited for."""


class Watcher:
    """Is told how the loop comes along; does nothing itself."""

    def begins(self, stage: Stage, plan: Plan) -> None:
        """A stage is about to be carried out."""

    def ends(self, stage: Stage, result: Result) -> None:
        """A stage has happened."""


@dataclass(frozen=True)
class Outcome:
    """Where the loop stands when it ends.

    Attributes:
        verdict: The last; ``None`` if no round is over.
        finished: Whether there is nothing left to do.
    """

    verdict: Verdict | None
    finished: bool


class SelfTraining:
    """The loop.

    Args:
        plan: What is to be done.
        ledger: What has been done.
        execute: Carries out a stage.
        export: The stage that hands out the networks of a round, by its number.
        watcher: Is told.
        after_round: Called when a round is over, with its number and the best one's.
        beside: Carries out stages beside others, so that ``jobs`` are at work where they do not need each other.
        jobs: At most so many.
    """

    def __init__(
        self,
        plan: Plan,
        ledger: Ledger,
        execute: Executor,
        export: Callable[[int], Stage],
        watcher: Watcher | None = None,
        after_round: Callable[[int, int], None] = lambda number, best: None,
        beside: Beside | None = None,
        jobs: int = 1,
    ) -> None:
        self.plan, self.ledger = plan, ledger
        self._beside, self._jobs = beside, jobs if beside is not None else 1
        self._begun: set[str] = set()
        self._execute, self._export, self._watcher = execute, export, watcher or Watcher()
        self._after_round = after_round

    def check(self, first: str | None = None) -> list[str]:
        """Compare the plan with what has happened.

        Args:
            first: ``--from``: this stage, those after it that have changed, and what depends on them, are to be made
                again.

        Returns:
            The stages that were forgotten because of ``first``.

        Raises:
            LedgerError: What has happened was made with other settings, and ``first`` does not cover that; the message
                names the stages and what has changed.
        """
        changed = self.ledger.changed(self.plan.stages)
        order = [stage.name for stage in self.plan.stages]
        if first is not None and first not in order:
            raise LedgerError(f"--from {first}: no stage has this name; there are {_listed(self.plan.stages)}")
        if any(first is None or order.index(name) < order.index(first) for name in changed):
            raise LedgerError(self._complaint(changed))
        return [] if first is None else self.ledger.redo(self.plan.stages, [first, *changed])

    def run(self, until: str | None = None) -> Outcome:
        """Carry out what has not happened yet.

        Args:
            until: The last stage to be carried out; ``None`` goes on to the end.

        Raises:
            StageFailedError: A stage failed; what happened before stands.
            LedgerError: There is no stage ``until``.
        """
        if until is not None and until not in {*(stage.name for stage in self.plan.stages), "export"}:
            raise LedgerError(f"--until {until}: no stage has this name; there are {_listed(self.plan.stages)}")
        verdict = None
        try:
            for stage in self._coming():
                result = self._done(stage, until)
                if stage.kind == "verdict":
                    verdict = verdict_of(result)
                    self._after_round(stage.round, verdict.best)
                if stage.name == until:
                    return Outcome(verdict, False)
        finally:
            self._abandon()
        self._done(self._export(verdict.best if verdict else 0))
        return Outcome(verdict, True)

    def _coming(self) -> Iterator[Stage]:
        """Stages in order, as far as verdicts and collapsed labels let them come."""
        yield from self.plan.of_round(0)
        for number in range(1, self.plan.rounds + 1):
            *stages, verdict = self.plan.of_round(number)
            for stage in stages:
                yield stage
                if "collapsed" in self.ledger.result(stage.name).facts:
                    known = set(self.ledger.names())
                    verdict = replace(verdict, inputs={r: s for r, s in verdict.inputs.items() if s in known})
                    self._abandon()
                    break
            yield verdict
            if verdict_of(self.ledger.result(verdict.name)).stop:
                return

    def _done(self, stage: Stage, until: str | None = None) -> Result:
        if self.ledger.has(stage):
            return self.ledger.result(stage.name)
        result = None if stage.name in self._begun else self.ledger.left(stage)
        if result is None:
            folder = self.ledger.begin(stage)
            self._watcher.begins(stage, self.plan)
            if stage.kind == "verdict":
                write_verdict(stage, folder, self._inputs(stage))
            else:
                self._begin_beside(stage, until)
                self._execute(stage, folder, self._inputs(stage))
                self._begun.discard(stage.name)
            result = self.ledger.left(stage)
            if result is None:
                raise StageFailedError(f"stage {stage.name} ended without a result; see {folder}")
        self.ledger.finish(stage, result)
        self._watcher.ends(stage, result)
        return result

    def _inputs(self, stage: Stage) -> dict[str, Result]:
        return {role: self.ledger.result(name) for role, name in stage.inputs.items()}

    def _begin_beside(self, stage: Stage, until: str | None) -> None:
        """Begin stages of the same round that are to come and need nothing that has not happened; none before all
        checks have passed."""
        stages = {one.name: one for one in self.plan.stages}
        if stage.kind == "check" or stage.name not in stages:
            return
        names = list(stages)
        last = names.index(until) if until in stages else len(names)
        for name in names[names.index(stage.name) + 1 : last + 1]:
            other = stages[name]
            at_work = {one for one in self._begun if self.ledger.left(stages[one]) is None} | {stage.name}
            if len(at_work) >= self._jobs or other.round != stage.round:
                return
            if name in self._begun or other.kind == "verdict" or self.ledger.has(other):
                continue
            ready = all(self.ledger.has(stages[needed]) for needed in other.inputs.values())
            if ready and self.ledger.left(other) is None:
                self._beside.begin(other, self.ledger.begin(other), self._inputs(other))
                self._begun.add(name)

    def _abandon(self) -> None:
        if self._begun:
            self._beside.stop()
            self._begun.clear()

    def _complaint(self, changed: dict[str, list[str]]) -> str:
        again = [name for name in dependents(self.plan.stages, changed) if self.ledger.result(name) is not None]
        lines = ["What the loop depends on has changed since these stages happened:"]
        for name, changes in changed.items():
            lines.append(f"  {name}: {'; '.join(changes[:3])}{' ...' if len(changes) > 3 else ''}")
        lines.append(f"They and what was made of them would have to be made again: {', '.join(again)}.")
        lines.append(f"Give --from {again[0]} to do that, another --work-dir to keep them, or take the change back.")
        return "\n".join(lines)


def write_verdict(stage: Stage, folder: Path, inputs: dict[str, Result]) -> None:
    """Judge the rounds so far.

    Args:
        stage: With ``round``, ``agreement``, ``guard`` and ``held_out`` in its settings.
        folder: Of the stage.
        inputs: Results of the stages that make labels and test networks, by ``labels1``, ``tpr1``, ``test1.seg``.
    """
    started, settings = now(), stage.settings
    history = [facts_of(number, inputs, settings["held_out"]) for number in range(settings["round"] + 1)]
    verdict = judge(history, settings["agreement"], Guard(**settings["guard"]))
    facts = {"verdict": asdict(verdict), "signals": dict(history[-1].signals), "held_out": history[-1].held_out}
    result = Result(digest=digest(facts), facts=facts, started=started, seconds=now() - started)
    write_result(folder, result)


def facts_of(number: int, results: dict[str, Result], held_out: dict[str, str] | None) -> RoundFacts:
    """What is known of a round: the signals of TPR's last labels (of round 0, of the first), and of the final ones."""
    final = _signals(results.get(f"labels{number}"), "signals")
    tpr = results.get(f"tpr{number or 1}")
    rounds = [] if tpr is None else tpr.facts.get("rounds") or []
    signals = dict(rounds[-1] if number else rounds[0]) if rounds else {}
    # Round 0's, if there are any, are made of predictions that were given, and agree with those, not with the network.
    signals |= {FINAL + name: value for name, value in final.items() if number or name != "network"}
    collapsed = [
        results[role].facts["collapsed"]
        for role in (f"tpr{number}", f"labels{number}")
        if role in results and "collapsed" in results[role].facts
    ]
    score = None
    if held_out is not None and f"test{number}.{held_out['network']}" in results:
        score = results[f"test{number}.{held_out['network']}"].metrics.get(f"val/{held_out['metric']}")
    return RoundFacts(number, signals, final.get("network"), score, collapsed[0] if collapsed else None)


def _signals(result: Result | None, name: str) -> dict[str, float]:
    return {} if result is None else result.facts.get(name) or {}


def verdict_of(result: Result) -> Verdict:
    """The verdict that a stage has left."""
    values: dict[str, Any] = result.facts["verdict"]
    return Verdict(**{**values, "reasons": tuple(values["reasons"])})


def check_writable(work_dir: Path) -> None:
    """Make a work dir.

    Raises:
        LedgerError: It cannot be made, or nothing can be written there.
    """
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        probe = work_dir / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise LedgerError(
            f"nothing can be written to the work dir {work_dir}: {error.strerror}. Make it writable, or give another "
            "--work-dir"
        ) from error


def _listed(stages: Sequence[Stage]) -> str:
    return ", ".join([*(stage.name for stage in stages), "export"])
