"""The ledger and the loop on stages that only write files: what is killed, changed or damaged, and what follows."""

import io
import json
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmselfhuman.engine.self_training import Ledger, LedgerError, Plan, Result, SelfTraining, Stage, StageFailedError
from mmselfhuman.engine.self_training import progress as progress_module
from mmselfhuman.engine.self_training.ledger import RESULT, write_result
from mmselfhuman.engine.self_training.progress import Progress
from mmselfhuman.engine.self_training.stages import dependents, differences, digest, plain, settings_digest

VERDICT = {"agreement": 1.0, "guard": {}, "held_out": None}


class Killed(BaseException):
    """As SIGKILL would: nothing that comes after it happens."""


class Writer:
    """Carries out a stage: its output is its settings and its inputs' outputs, put together.

    Args:
        work_dir: Of the loop.
        moments: After so many acts, of which every stage has three, the process is killed.
        agreement: What label stages report, by round.
    """

    def __init__(self, work_dir: Path, moments: int | None = None, agreement: dict[int, float] | None = None) -> None:
        self.work_dir, self.moments, self.agreement = work_dir, moments, agreement or {}
        self.done: list[str] = []

    def __call__(self, stage: Stage, folder: Path, inputs: dict[str, Result]) -> None:
        self._act()
        parts = [(self.work_dir / result.outputs["text"]).read_text() for result in inputs.values() if result.outputs]
        text = f"{stage.name} {stage.settings.get('value')} ({', '.join(parts)})"
        (folder / "text.txt").write_text(text)
        self._act()
        facts = {}
        if stage.kind == "label":
            facts = {"signals": {"network": self.agreement.get(stage.round, 0.5), "stability": 0.5}}
        if stage.kind == "collapse":
            facts = {"collapsed": "all background"}
        outputs = {"text": (folder / "text.txt").relative_to(self.work_dir).as_posix()}
        write_result(folder, Result(outputs, digest(text), {"length": len(text)}, facts))
        self.done.append(stage.name)
        self._act()

    def _act(self) -> None:
        if self.moments is not None:
            self.moments -= 1
            if self.moments < 0:
                raise Killed


class SideBySide(Writer):
    """A writer that also begins stages: they happen when they are waited for.

    Attributes:
        at_work: Those that have begun and not ended.
        most: How many there were at once.
        stopped: Those that were stopped.
    """

    def __init__(self, work_dir: Path, moments: int | None = None) -> None:
        super().__init__(work_dir, moments)
        self.at_work: set[str] = set()
        self.most = 0
        self.stopped: list[str] = []

    def begin(self, stage: Stage, folder: Path, inputs: dict[str, Result]) -> None:
        assert stage.name not in self.at_work
        assert None not in inputs.values()
        self.at_work.add(stage.name)

    def __call__(self, stage: Stage, folder: Path, inputs: dict[str, Result]) -> None:
        self.at_work.add(stage.name)
        self.most = max(self.most, len(self.at_work))
        super().__call__(stage, folder, inputs)
        self.at_work.remove(stage.name)

    def stop(self) -> None:
        self.stopped += self.at_work
        self.at_work.clear()


def plan(rounds: int = 3, value: int = 0, changed: str | None = None, collapses: int | None = None) -> Plan:
    """Pre-training, then rounds of refinement, labels, fine-tuning, test and verdict."""

    def stage(name: str, kind: str, number: int = 0, inputs: dict | None = None, **more: object) -> Stage:
        settings = {"value": value if name == changed else 0, **more}
        return Stage(name, kind, number, settings, inputs or {}, kind == "verdict")

    stages, weights, judged = [stage("pretrain", "train")], "pretrain", {}
    for number in range(1, rounds + 1):
        kind = "collapse" if number == collapses else "train"
        stages.append(stage(f"round{number}.tpr", kind, number, {"weights": weights}))
        judged[f"tpr{number}"] = f"round{number}.tpr"
        stages.append(stage(f"round{number}.labels", "label", number, {"weights": f"round{number}.tpr"}))
        judged[f"labels{number}"] = f"round{number}.labels"
        weights = f"round{number}.seg"
        stages.append(stage(weights, "train", number, {"labels": f"round{number}.labels"}))
        stages.append(stage(f"round{number}.verdict", "verdict", number, dict(judged), round=number, **VERDICT))
    return Plan(stages, {n: {"seg": "pretrain" if not n else f"round{n}.seg"} for n in range(rounds + 1)}, rounds)


def loop(work_dir: Path, what: Plan | None = None, writer: Writer | None = None) -> SelfTraining:
    what = what or plan()

    def export(best: int) -> Stage:
        return Stage("export", "export", what.rounds, {"round": best}, what.weights[best], cheap=True)

    return SelfTraining(what, Ledger(work_dir), writer or Writer(work_dir), export)


def side_by_side(work_dir: Path, stages: list[Stage], writer: SideBySide, jobs: int) -> SelfTraining:
    def export(best: int) -> Stage:
        return Stage("export", "export", 0, {"round": best}, {}, cheap=True)

    what = Plan(stages, {0: {}}, 0)
    return SelfTraining(what, Ledger(work_dir), writer, export, beside=writer, jobs=jobs)


def texts(work_dir: Path) -> dict[str, str]:
    return {path.parent.name: path.read_text() for path in work_dir.glob("stages/*/text.txt")}


def test_all_stages_happen_once_and_in_order(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    assert loop(tmp_path, writer=writer).run().finished
    rounds = [f"round{number}.{name}" for number in (1, 2, 3) for name in ("tpr", "labels", "seg")]
    assert writer.done == ["pretrain", *rounds, "export"]
    again = Writer(tmp_path)
    assert loop(tmp_path, writer=again).run().finished
    assert again.done == []


@settings(max_examples=10, deadline=None)
@given(kills=st.lists(st.integers(0, 6), max_size=8))
def test_killed_at_any_moments_it_ends_with_the_same(
    tmp_path_factory: pytest.TempPathFactory, kills: list[int]
) -> None:
    peace, killed = tmp_path_factory.mktemp("peace"), tmp_path_factory.mktemp("killed")
    loop(peace, plan(1)).run()
    finished = []
    for moments in kills:
        writer = Writer(killed, moments)
        with suppress(Killed):
            loop(killed, plan(1), writer).run()
        finished += writer.done
    writer = Writer(killed)
    loop(killed, plan(1), writer).run()
    finished += writer.done
    assert texts(killed) == texts(peace)
    assert len(finished) == len(set(finished))  # nothing that had happened was made again
    assert Ledger(killed).names() == Ledger(peace).names()


@pytest.mark.parametrize("changed", ["pretrain", "round1.labels", "round3.seg"])
def test_a_change_names_the_stages_that_it_invalidates(tmp_path: Path, changed: str) -> None:
    loop(tmp_path).run()
    other = plan(value=1, changed=changed)
    with pytest.raises(LedgerError) as error:
        loop(tmp_path, other).check()
    expected = [name for name in dependents(other.stages, [changed]) if name in Ledger(tmp_path).names()]
    assert f"{changed}: value: 0 -> 1" in str(error.value)
    assert f"would have to be made again: {', '.join(expected)}." in str(error.value)
    assert f"Give --from {expected[0]}" in str(error.value)


def test_from_makes_a_stage_again_and_what_depends_on_it(tmp_path: Path) -> None:
    loop(tmp_path).run()
    other = plan(value=1, changed="round2.labels")
    writer = Writer(tmp_path)
    again = loop(tmp_path, other, writer)
    with pytest.raises(LedgerError, match=r"round2\.labels: value: 0 -> 1"):
        again.check("round2.seg")  # which comes after it
    assert again.check("round2.labels")[0] == "round2.labels"
    again.run()
    assert writer.done[:3] == ["round2.labels", "round2.seg", "round3.tpr"]
    assert "round2.labels 1" in texts(tmp_path)["round3.seg"]
    assert "pretrain" not in writer.done


def test_from_also_covers_changed_stages_after_it_that_do_not_depend_on_it(tmp_path: Path) -> None:
    what = plan()
    loop(tmp_path, what).run()
    changed = {"round1.seg", "round3.seg"}
    stages = [replace(s, settings={"value": 1}) if s.name in changed else s for s in what.stages]
    stages = [replace(s, inputs={}) if s.name == "round3.seg" else s for s in stages]
    writer = Writer(tmp_path)
    again = loop(tmp_path, replace(what, stages=stages), writer)
    assert {"round1.seg", "round3.seg"} <= set(again.check("round1.seg"))
    again.run()
    assert changed <= set(writer.done)


def test_from_without_a_change_makes_it_again_all_the_same(tmp_path: Path) -> None:
    loop(tmp_path).run()
    writer = Writer(tmp_path)
    again = loop(tmp_path, writer=writer)
    again.check("round3.seg")
    again.run()
    # The same came out of it, so that nothing else had to be made again.
    assert writer.done == ["round3.seg"]


def test_names_that_do_not_exist_are_told_with_those_that_do(tmp_path: Path) -> None:
    for mistake in (lambda one: one.check("round9.seg"), lambda one: one.run("round9.seg")):
        with pytest.raises(LedgerError, match=r"round9\.seg: no stage has this name; there are pretrain, round1\.tpr"):
            mistake(loop(tmp_path))


def test_until_ends_after_a_stage_and_the_next_run_goes_on(tmp_path: Path) -> None:
    first, second = Writer(tmp_path), Writer(tmp_path)
    assert not loop(tmp_path, writer=first).run("round1.labels").finished
    assert first.done[-1] == "round1.labels"
    assert loop(tmp_path, writer=second).run().finished
    assert second.done[0] == "round1.seg"


def test_more_rounds_continue_a_finished_run(tmp_path: Path) -> None:
    loop(tmp_path, plan(1)).run()
    writer = Writer(tmp_path)
    more = loop(tmp_path, plan(2), writer)
    more.check()
    more.run()
    assert writer.done == ["round2.tpr", "round2.labels", "round2.seg", "export"]


def test_the_loop_ends_when_final_prediction_and_network_agree(tmp_path: Path) -> None:
    what = plan()
    stages = [replace(s, settings={**s.settings, "agreement": 0.95}) if s.kind == "verdict" else s for s in what.stages]
    writer = Writer(tmp_path, agreement={1: 0.9, 2: 0.96})
    outcome = loop(tmp_path, replace(what, stages=stages), writer).run()
    assert outcome.verdict.converged
    assert outcome.verdict.best == 2
    assert "round3.tpr" not in writer.done


def test_collapsed_labels_end_the_loop_and_roll_back(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    outcome = loop(tmp_path, plan(collapses=2), writer).run()
    assert (outcome.verdict.best, outcome.verdict.stop) == (1, True)
    assert outcome.verdict.reasons == ("round 2 is worse than round 1: all background",)
    assert "round2.labels" not in writer.done
    assert "round1.seg" in texts(tmp_path)["export"]


def _lose(work_dir: Path) -> None:
    (work_dir / "ledger.json").unlink()


def _truncate(work_dir: Path) -> None:
    path = work_dir / "ledger.json"
    path.write_bytes(path.read_bytes()[:100])


def test_without_its_ledger_the_loop_takes_over_what_is_in_the_folders(tmp_path: Path) -> None:
    loop(tmp_path).run()
    _truncate(tmp_path)
    with pytest.raises(LedgerError, match=r"ledger\.json is damaged .* Delete it: stages whose folders have"):
        Ledger(tmp_path)
    _lose(tmp_path)
    writer = Writer(tmp_path)
    assert loop(tmp_path, writer=writer).run().finished
    assert writer.done == []


@pytest.mark.parametrize("lost", ["text.txt", RESULT])
def test_a_stage_whose_output_is_gone_is_made_again(tmp_path: Path, lost: str) -> None:
    loop(tmp_path).run()
    (tmp_path / "stages" / "round2.labels" / lost).unlink()
    writer = Writer(tmp_path)
    loop(tmp_path, writer=writer).run()
    # The ledger knows what a result said; an output it cannot bring back.
    assert writer.done == (["round2.labels"] if lost == "text.txt" else [])


def test_what_a_stage_left_is_deleted_when_its_inputs_are_others(tmp_path: Path) -> None:
    loop(tmp_path, plan(1)).run("round1.tpr")
    leftover = tmp_path / "stages" / "round1.labels"
    leftover.mkdir()
    (leftover / "half.pth").touch()
    loop(tmp_path, plan(1)).run()
    assert not (leftover / "half.pth").exists()


def test_what_was_pruned_counts_as_having_happened(tmp_path: Path) -> None:
    loop(tmp_path).run()
    ledger = Ledger(tmp_path)
    ledger.prune("round1.labels", "text")
    assert not (tmp_path / "stages" / "round1.labels" / "text.txt").exists()
    writer = Writer(tmp_path)
    assert loop(tmp_path, writer=writer).run().finished
    assert writer.done == []


def test_a_failed_stage_leaves_what_was_before(tmp_path: Path) -> None:
    def fail(stage: Stage, folder: Path, inputs: dict) -> None:
        raise StageFailedError("no space")

    loop(tmp_path, writer=Writer(tmp_path)).run("round1.tpr")
    with pytest.raises(StageFailedError, match="no space"):
        loop(tmp_path, writer=fail).run()
    assert Ledger(tmp_path).names() == ["pretrain", "round1.tpr"]


def test_the_same_loop_in_another_folder_has_the_same_digests(tmp_path: Path) -> None:
    for name in ("a", "b"):
        loop(tmp_path / name).run()
    digests = [[Ledger(tmp_path / n).result(s).digest for s in Ledger(tmp_path / n).names()] for n in ("a", "b")]
    assert digests[0] == digests[1]
    shutil.move(tmp_path / "a", tmp_path / "moved")
    writer = Writer(tmp_path / "moved")
    loop(tmp_path / "moved", writer=writer).run()
    assert writer.done == []


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(value=_VALUES)
def test_a_value_differs_from_itself_in_nothing_and_survives_json(value: object) -> None:
    assert differences(value, value) == []
    assert json.loads(json.dumps(plain(value))) == plain(value)
    assert digest(value) == digest(json.loads(json.dumps(plain(value))))


@given(one=_VALUES, other=_VALUES)
def test_values_differ_exactly_if_their_digests_do(one: object, other: object) -> None:
    assert bool(differences(plain(one), plain(other))) == (plain(one) != plain(other))
    assert settings_digest(Stage("s", "k", settings={"v": one})) == settings_digest(
        Stage("t", "k", settings={"v": one})
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2, 3)), [1, [2, 3]]),
        (float("inf"), "inf"),
        (Path("a/b"), "a/b"),
        (Writer, f"{__name__}.Writer"),
        ({2, 1}, [1, 2]),
    ],
)
def test_config_values_become_plain(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_differences_are_told_by_path() -> None:
    old = {"train_cfg": {"max_iters": 300}, "hooks": [{"type": "A"}], "gone": 1}
    new = {"train_cfg": {"max_iters": 400}, "hooks": [{"type": "B"}], "come": 1}
    assert differences(old, new) == [
        "come: added",
        "gone: removed",
        "hooks.0.type: 'A' -> 'B'",
        "train_cfg.max_iters: 300 -> 400",
    ]


@settings(deadline=None, max_examples=60)
@given(
    needs=st.lists(st.sets(st.integers(0, 6)), min_size=1, max_size=7),
    jobs=st.integers(1, 4),
    kills=st.lists(st.integers(0, 9), max_size=4),
)
def test_side_by_side_and_killed_stages_leave_what_they_leave_one_by_one(
    needs: list[set[int]], jobs: int, kills: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    stages = [
        Stage(f"s{number}", "train", 0, {"value": number}, {f"s{n}": f"s{n}" for n in sorted(some) if n < number})
        for number, some in enumerate(needs)
    ]
    alone, work = tmp_path_factory.mktemp("alone"), tmp_path_factory.mktemp("work")
    side_by_side(alone, stages, SideBySide(alone), jobs=1).run()
    for moments in (*kills, None):
        writer = SideBySide(work, moments)
        with suppress(Killed):
            assert side_by_side(work, stages, writer, jobs).run().finished
        assert writer.most <= jobs
    assert texts(work) == texts(alone)
    assert Ledger(work).names() == Ledger(alone).names()


def test_what_needs_nothing_of_a_stage_begins_beside_it(tmp_path: Path) -> None:
    seg, pose = Stage("seg", "train"), Stage("pose", "train")
    stages = [Stage("check", "check", cheap=True), seg, pose, Stage("pose2seg", "train", inputs={"weights": "seg"})]

    class Seen(SideBySide):
        def __call__(self, stage: Stage, folder: Path, inputs: dict[str, Result]) -> None:
            seen[stage.name] = set(self.at_work)
            super().__call__(stage, folder, inputs)

    seen: dict[str, set[str]] = {}
    assert side_by_side(tmp_path, stages, Seen(tmp_path), jobs=2).run().finished
    assert seen == {
        "check": set(),
        "seg": {"pose"},
        "pose": {"pose", "pose2seg"},
        "pose2seg": {"pose2seg"},
        "export": set(),
    }
    seen.clear()
    work = tmp_path / "until"
    side_by_side(work, stages, Seen(work), jobs=2).run(until="seg")
    assert seen == {"check": set(), "seg": set()}


def test_what_is_at_work_beside_a_stage_that_fails_is_stopped_and_gone_on_with(tmp_path: Path) -> None:
    class Fails(SideBySide):
        def __call__(self, stage: Stage, folder: Path, inputs: dict[str, Result]) -> None:
            if stage.name == "seg":
                raise StageFailedError("out of memory")
            super().__call__(stage, folder, inputs)

    stages = [Stage("seg", "train"), Stage("pose", "train")]
    writer = Fails(tmp_path)
    with pytest.raises(StageFailedError, match="out of memory"):
        side_by_side(tmp_path, stages, writer, jobs=2).run()
    assert writer.stopped == ["pose"]
    assert side_by_side(tmp_path, stages, SideBySide(tmp_path), jobs=2).run().finished


def forecasts(lines: io.StringIO) -> list[str]:
    return [line.rpartition(" | ")[2] for line in lines.getvalue().splitlines()]


def test_the_time_left_is_told_by_what_was_done_since_the_stage_was_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, stage, lines = [100.0], Stage("pose.pretrain", "train"), io.StringIO()
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: clock[0])
    progress = Progress(Ledger(tmp_path), stream=lines)
    progress.begins(stage, Plan([stage], {0: {}}, 0))
    for clock[0], done in ((130.0, 400), (160.0, 500)):  # its process started after 30 s; it had been begun long before
        progress.advance((done, 800))
    assert forecasts(lines) == ["time left not known yet", "time left not known yet", "at most 1:30 left"]


def test_while_nobody_knows_how_long_others_take_the_line_tells_the_stage_s_own_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, stages, lines = [0.0], [Stage("seg.pretrain", "train"), Stage("pose.pretrain", "train")], io.StringIO()
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: clock[0])
    progress = Progress(Ledger(tmp_path), stream=lines)
    progress.begins(stages[0], Plan(stages, {0: {}}, 0))
    for clock[0], done in ((31.0, 10), (62.0, 20)):
        progress.advance((done, 50))
    assert forecasts(lines)[-1] == "1:33 left of this stage"


def test_a_dry_run_tells_the_time_left_from_the_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = [Stage("seg.pretrain", "train"), Stage("round0.test.seg", "test"), Stage("round1.tpr", "train", 1)]
    stages.append(Stage("round1.test.seg", "test", 1))
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: 0.0)
    ledger, lines = Ledger(tmp_path), io.StringIO()
    progress = Progress(ledger, {"seg.pretrain": 100.0, "tpr": 20.0}, lines)
    plan = Plan(stages, {0: {}, 1: {}}, 1)
    progress.begins(stages[0], plan)
    for stage, seconds in zip(stages, (70.0, 7.0), strict=False):
        ledger.begin(stage)
        ledger.finish(stage, Result(digest=stage.name, seconds=seconds))
    progress.begins(stages[2], plan)
    assert forecasts(lines) == ["at most 2:00 left, without tests", "at most 0:27 left"]
