"""The loop on photographs and real videos, and on predictions of somebody else's network, cut down to seconds."""

import json
from pathlib import Path

import pytest
from loop_configs import ROOT, write_loop

from mmselfhuman.datasets import AnnotatedVideos
from mmselfhuman.engine.self_training import Ledger
from mmselfhuman.engine.self_training.command import Command
from mmselfhuman.pseudo_labels import PseudoLabelStore

SHIPPED = ROOT / "configs" / "self_training" / "real-320x180"
VIDEOS = "videos = dict(type='UnlabelledVideos', paths={paths!r}, long_side=96, max_frames={frames})\n"


@pytest.fixture(autouse=True)
def one_thread(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MMSELFHUMAN_DATA", str(shared_data))


def _run(loop: Path) -> dict:
    assert Command(loop, loop.parent / "work").run() == 0
    return json.loads((loop.parent / "work" / "report.json").read_text())


def test_photographs_and_videos(shared_data: Path, tmp_path: Path) -> None:
    davis = shared_data / "davis_people"
    videos = VIDEOS.format(paths=[str(davis / "JPEGImages"), str(shared_data / "videos")], frames=2)
    report = _run(write_loop(tmp_path, ("seg", "pose"), videos, SHIPPED))
    labels = PseudoLabelStore(tmp_path / "work" / "labels").read(1)
    assert {"parkour", "dance-twirl", "sam2_juggle", "sam2_bedroom"} < set(labels.clips)
    assert all(max(label.height, label.width) == 96 for label in labels)
    measured = [facts["metrics"]["seg"] for facts in report["rounds"]]
    assert [{"J", "J_parkour", "J_dance-twirl", "near/J"} <= set(metrics) for metrics in measured] == [True, True]
    assert "| parkour: seg J |" in (tmp_path / "work" / "report.md").read_text()


def test_predictions_that_somebody_brought(shared_data: Path, tmp_path: Path) -> None:
    davis = shared_data / "davis_people"
    predictions = f"predictions = dict(folder={str(davis / 'predictions' / 'espnetv2')!r})\n"
    videos = VIDEOS.format(paths=str(davis / "JPEGImages"), frames=3)
    report = _run(write_loop(tmp_path, ("seg",), videos + predictions, SHIPPED))
    ledger = Ledger(tmp_path / "work")
    assert {"predictions.test", "seg.test", "round0.labels", "round0.seg", "round1.labels"} < set(ledger.names())
    given, before = report["given"]
    assert (given["name"], before["name"]) == ("predictions as given", "Seg Module before them")
    # At full size and over all frames it is 52.7 (docs/videos.md).
    assert 30 < given["metrics"]["seg"]["J"] < 75
    assert before["metrics"]["seg"]["J"] < given["metrics"]["seg"]["J"]


def test_the_annotated_videos_are_davis(shared_data: Path) -> None:
    source = AnnotatedVideos("JPEGImages", "Annotations", str(shared_data / "davis_people"))
    assert len(source) == 190
    assert source.place(189) == ("parkour", 99)
