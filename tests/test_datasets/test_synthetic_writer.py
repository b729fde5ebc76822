"""Synthetic people written to disk are ordinary files that say what the source says."""

import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmselfhuman.datasets.sources import build_source
from mmselfhuman.datasets.synthetic import SyntheticPeople, SyntheticVideoFrames, SyntheticVideos

TOOL = Path(__file__).parents[2] / "tools" / "dataset_converters" / "synthetic_people.py"
SMALL = ("--num-images", 3, "--num-videos", 2, "--num-frames", 4, "--size", 96, 64, "--seed", 2)


@pytest.fixture
def write(monkeypatch, capsys):
    """Run the tool; returns what it printed."""

    def run(*arguments) -> str:
        monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
        runpy.run_path(str(TOOL), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_stills_read_back_as_the_source_has_them(write, tmp_path):
    out = write(tmp_path, *SMALL, "--parts", "target_test")
    assert "target_test.json: 3 images" in out
    source = SyntheticPeople("target_test", 3, (96, 64), seed=2)
    settings = {"type": "COCOPersons", "data_root": f"{tmp_path}/", "img_prefix": "target_test/", "keep_empty": True}
    read = build_source({**settings, "ann_file": "annotations/target_test.json", "person_filter": "all"})
    assert len(read) == 3
    for index in range(3):
        np.testing.assert_array_equal(read.image(index), source.image(index))
        assert [(p.id, p.box, p.mask, p.max_iou) for p in read[index].persons] == [
            (p.id, p.box, p.mask, p.max_iou) for p in source[index].persons
        ]


def test_jpeg_files_are_named_in_the_annotations(write, tmp_path):
    write(tmp_path, *SMALL, "--parts", "source_test", "--suffix", "jpg")
    content = json.loads((tmp_path / "annotations" / "source_test.json").read_text())
    for image in content["images"]:
        assert image["file_name"].endswith(".jpg")
        assert (tmp_path / "source_test" / image["file_name"]).is_file()


def test_videos_have_their_frames_and_their_truth_only_if_asked_for(write, tmp_path):
    write(tmp_path / "without", *SMALL, "--parts", "target_videos")
    assert not (tmp_path / "without" / "annotations").exists()
    write(tmp_path / "with", *SMALL, "--parts", "target_videos", "--video-truth")
    content = json.loads((tmp_path / "with" / "annotations" / "target_videos.json").read_text())
    truth = SyntheticVideoFrames("target", 2, 4, (96, 64), seed=2)
    assert [image["file_name"] for image in content["images"]] == [truth[index].file_name for index in range(8)]
    for clip in SyntheticVideos("target", 2, 4, (96, 64), seed=2):
        capture = cv2.VideoCapture(str(tmp_path / "with" / "target_videos" / f"{clip.name}.mp4"))
        for frame in clip:
            read, image = capture.read()
            assert read
            assert np.abs(image.astype(int) - frame.image).mean() < 12, "MP4 loses detail"
        assert not capture.read()[0]


def test_files_are_not_replaced_unasked_and_wrong_knobs_are_named(write, tmp_path):
    arguments = (tmp_path, "--num-images", 1, "--size", 64, 64, "--parts", "source_test")
    write(*arguments)
    with pytest.raises(SystemExit, match="exists already"):
        write(*arguments)
    write(*arguments, "--overwrite")
    with pytest.raises(SystemExit, match="unknown knob 'wind'"):
        write(*arguments, "--knobs", "wind=3")
