"""Stages in processes of their own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mmselfhuman.engine.self_training import Stage, StageFailedError
from mmselfhuman.engine.self_training.processes import InOwnProcess

PATIENCE = 120


def meet(stage: Stage, folder: Path, *_: object) -> None:
    """Say that this stage is at work, and end when all that it is to meet are, or fail when they do not come."""
    (folder / "came").touch()
    deadline = time.monotonic() + stage.settings["patience"]
    while not all((folder.parent / other / "came").exists() for other in stage.settings["meets"]):
        assert time.monotonic() < deadline, "nobody came"
        time.sleep(0.01)


def make_stage(work_dir: Path, name: str, meets: list[str], patience: float = PATIENCE) -> tuple[Stage, Path]:
    folder = work_dir / name
    folder.mkdir()
    return Stage(name, "train", settings={"meets": meets, "patience": patience}), folder


def test_what_has_been_begun_is_at_work_beside_what_is_waited_for(tmp_path: Path) -> None:
    carry_out = InOwnProcess(meet, tmp_path, jobs=3)
    first, *others = [make_stage(tmp_path, name, ["a", "b", "c"]) for name in "abc"]
    for stage, folder in others:
        carry_out.begin(stage, folder, {})
    for stage, folder in (first, *others):
        carry_out(stage, folder, {})


def test_what_has_not_been_begun_does_not_come(tmp_path: Path) -> None:
    stage, folder = make_stage(tmp_path, "a", ["b"], patience=0)
    make_stage(tmp_path, "b", [])
    with pytest.raises(StageFailedError, match="nobody came"):
        InOwnProcess(meet, tmp_path)(stage, folder, {})


def test_stopped_it_is_at_work_no_more(tmp_path: Path) -> None:
    carry_out = InOwnProcess(meet, tmp_path, jobs=2)
    begun, begun_in = make_stage(tmp_path, "begun", ["late"])
    carry_out.begin(begun, begun_in, {})
    carry_out(*make_stage(tmp_path, "beside", ["begun"]), {})
    carry_out.stop()
    _, late = make_stage(tmp_path, "late", [])
    (late / "came").touch()
    (begun_in / "came").unlink()
    carry_out(begun, begun_in, {})
    assert (begun_in / "came").exists()
