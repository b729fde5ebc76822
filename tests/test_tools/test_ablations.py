"""The tables of ablations have the right numbers in the right places, and runs share what is the same."""

import runpy
import sys
from pathlib import Path

import pytest

from mmselfhuman.engine.self_training import Ledger, LoopSettings, Result, Stage, load_settings, make_plan

TOOL = Path(__file__).parents[2] / "tools" / "benchmarks" / "ablations.py"
BENCHMARK = runpy.run_path(str(TOOL))
INSTANCES = {"a/segm_AP": 0.05, "a/segm_AP_H": 0.02, "a/segm_AP50": 0.9, "a/keypoints_AP": 0.1, "a/keypoints_AP_H": 0.8}


def _tested(folder: Path, number: int, instances: dict[str, float | None], seg: float) -> None:
    ledger = Ledger(folder)
    for network, metrics in (("instances", instances), ("seg", {"IoU_person": seg, "mIoU": 99.0})):
        ledger.finish(Stage(f"round{number}.test.{network}", "test", number), Result(metrics=metrics))


def test_numbers_are_those_of_the_round_in_percent(tmp_path: Path) -> None:
    _tested(tmp_path, 0, INSTANCES, 50.0)
    _tested(tmp_path, 1, INSTANCES | {"a/segm_AP": 0.07}, 60.0)
    expected = {"mask AP": 5.0, "AP_H": 2.0, "Seg, person IoU": 50.0, "keypoint AP": 10.0}
    assert BENCHMARK["measured"](Ledger(tmp_path), 0) == pytest.approx(expected)
    after = expected | {"mask AP": 7.0, "Seg, person IoU": 60.0}
    assert BENCHMARK["measured"](Ledger(tmp_path), 1) == pytest.approx(after)


def test_what_was_not_measured_has_no_numbers(tmp_path: Path) -> None:
    assert BENCHMARK["measured"](Ledger(tmp_path), 0) is None
    _tested(tmp_path, 0, INSTANCES | {"a/segm_AP_H": None}, 50.0)
    assert BENCHMARK["measured"](Ledger(tmp_path), 0) is None


def test_tables_have_mean_spread_seeds_and_order(tmp_path: Path) -> None:
    numbers = {"tpr+gbsr": (0.05, 0.08), "tpr+pose": (0.05, 0.07), "n_tpr1": (0.05, 0.06)}
    for seed, more in ((3, 0.0), (4, 0.02)):
        for run, scores in numbers.items():
            less = 0.03 if (run, seed) == ("tpr+gbsr", 4) else 0.0  # of seed 4, GBSR comes out below poses as found
            for number, score in enumerate(scores):
                instances = INSTANCES | {"a/segm_AP": score + more - less * number}
                _tested(BENCHMARK["place"](tmp_path, run, seed), number, instances, 50.0 + number)
    # One seed alone makes no row.
    _tested(BENCHMARK["place"](tmp_path, "window2", 3), 1, INSTANCES, 50.0)
    lines = BENCHMARK["markdown"](BENCHMARK["TABLES"], BENCHMARK["collected"](tmp_path, [3, 4]), [3, 4]).splitlines()
    rows = {
        line.split(" | ")[0].removeprefix("| "): line.rstrip(" |").split(" | ")[1:] for line in lines if "±" in line
    }
    rest = ["2.00 ± 0.00 (2.00, 2.00)", "51.00 ± 0.00 (51.00, 51.00)", "10.00 ± 0.00 (10.00, 10.00)"]
    assert rows == {
        "Seg+Pose": ["6.00 ± 1.41 (5.00, 7.00)", rest[0], "50.00 ± 0.00 (50.00, 50.00)", rest[2]],
        "TPR+Pose": ["8.00 ± 1.41 (7.00, 9.00)", *rest],
        "TPR+GBSR": ["7.50 ± 0.71 (8.00, 7.00)", *rest],
        "Seg+Pose < TPR+Pose": ["+2.00 ± 0.00 (+2.00, +2.00)", "2 of 2"],
        "TPR+Pose < TPR+GBSR": ["-0.50 ± 2.12 (+1.00, -2.00)", "1 of 2"],
        "N_TPR 1, window 3": ["7.00 ± 1.41 (6.00, 8.00)", *rest],
        "N_TPR 3, window 3": ["7.50 ± 0.71 (8.00, 7.00)", *rest],
        "N_TPR 1, window 3 < N_TPR 3, window 3": ["+0.50 ± 2.12 (+2.00, -1.00)", "1 of 2"],
    }


def test_runs_differ_in_their_part_only_and_share_the_rest() -> None:
    def settings(run: str) -> LoopSettings:
        return load_settings(BENCHMARK["CONFIG"], BENCHMARK["options_of"](run, 7))

    plans = {run: {stage.name: stage for stage in make_plan(settings(run)).stages} for run in BENCHMARK["VARIANTS"]}
    whole = plans.pop("tpr+gbsr")
    other = {run: {name for name, stage in plan.items() if stage != whole.get(name)} for run, plan in plans.items()}
    assert {run: names - {"round1.verdict"} for run, names in other.items()} == {
        "tpr+pose": {"round1.poses", "round1.labels", "round1.test.pose", "round1.test.instances"},
        "n_tpr1": {"round1.tpr"},
        "n_tpr5": {"round1.tpr"},
        "window2": {"round1.tpr", "round1.gbsr", "round1.labels"},
    }
    assert "round1.gbsr" not in plans["tpr+pose"]


def test_a_run_that_has_begun_takes_nothing_over(tmp_path: Path) -> None:
    (tmp_path / "whole" / "stages" / "a").mkdir(parents=True)
    BENCHMARK["take_over"](tmp_path / "seed0" / "run", tmp_path / "whole")
    assert (tmp_path / "seed0" / "run" / "stages" / "a").is_dir()
    (tmp_path / "whole" / "stages" / "b").mkdir()
    BENCHMARK["take_over"](tmp_path / "seed0" / "run", tmp_path / "whole")
    assert [path.name for path in (tmp_path / "seed0" / "run" / "stages").iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds", "1", "1"], "--seeds: each once"),
        (["--start-from", "."], "one work dir per seed, got 1 for 3 seeds"),
        (["--seeds", "0", "--start-from", "absent"], "no work dir of a loop: absent"),
        (["absent.py"], "config file not found: absent.py"),
        (["loop.py"], "the loop's config must have all of seg, pose, pose2seg and instances"),
    ],
)
def test_mistakes_are_told_before_anything_runs(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    refine = BENCHMARK["CONFIG"].parent / "synthetic-128x128" / "seg_refine.py"
    (tmp_path / "loop.py").write_text(
        f"networks = dict(seg=dict(pretrain={str(refine)!r}, refine={str(refine)!r}))\n"
        "videos = dict(type='SyntheticVideos')\n"
    )
    monkeypatch.setattr(sys, "argv", [str(TOOL), *words])
    with pytest.raises(SystemExit) as ended:
        BENCHMARK["main"]()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "work_dirs").exists()
