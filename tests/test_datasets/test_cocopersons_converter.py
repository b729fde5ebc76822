import json
import runpy
import sys
from pathlib import Path

import pytest

from mmselfhuman.datasets.converters import keep_pose2seg_persons
from mmselfhuman.datasets.sources import AnnotationFileError, COCOPersons, source_to_coco

TOOL = Path(__file__).parents[2] / "tools" / "dataset_converters" / "cocopersons.py"


def test_persons_with_joints_and_mask_are_kept_as_they_are(coco_content):
    kept = keep_pose2seg_persons("persons.json", {**coco_content, "licenses": ["CC"]})
    assert kept["images"] == coco_content["images"][:1]
    assert kept["annotations"] == coco_content["annotations"][:1]
    assert kept["licenses"] == ["CC"]


@pytest.mark.parametrize("change", [{"num_keypoints": 0}, {"iscrowd": 1}, {"segmentation": []}])
def test_others_are_dropped_with_their_images(coco_content, change):
    coco_content["annotations"][0].update(change)
    coco_content["annotations"][2]["num_keypoints"] = 1
    kept = keep_pose2seg_persons("persons.json", coco_content)
    assert [entry["id"] for entry in kept["annotations"]] == [11]
    assert [entry["file_name"] for entry in kept["images"]] == ["a.png"]


def test_broken_file_is_named(coco_content):
    del coco_content["images"][0]["file_name"]
    with pytest.raises(AnnotationFileError, match=r"persons.json: images\[0\] lacks \['file_name'\]"):
        keep_pose2seg_persons("persons.json", coco_content)


def run_tool(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
    runpy.run_path(str(TOOL), run_name="__main__")


def test_tool_writes_what_the_filter_of_the_source_keeps(monkeypatch, capsys, shared_data, tmp_path):
    folder = shared_data / "coco_persons_mini" / "annotations"
    paths = [folder / f"person_keypoints_{split}2017.json" for split in ("train", "val")]
    run_tool(monkeypatch, *paths, "--out-dir", tmp_path)
    for path in paths:
        written = COCOPersons(str(tmp_path / f"{path.stem}_pose2seg.json"), person_filter="all", keep_empty=True)
        assert source_to_coco(written) == source_to_coco(COCOPersons(str(path), person_filter="pose2seg"))
    assert "person_keypoints_val2017_pose2seg.json: 25 images, 59 persons" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="pass --overwrite"):
        run_tool(monkeypatch, *paths, "--out-dir", tmp_path)
    run_tool(monkeypatch, *paths, "--out-dir", tmp_path, "--overwrite")


def test_counts_agree_with_counting_in_the_file(shared_data):
    path = shared_data / "coco_persons_mini" / "annotations" / "person_keypoints_train2017.json"
    content = json.loads(path.read_text())
    chosen = [a for a in content["annotations"] if a["num_keypoints"] > 0 and a["iscrowd"] == 0]
    kept = keep_pose2seg_persons(str(path), content)
    assert len(kept["annotations"]) == len(chosen) == 143
    assert len(kept["images"]) == len({a["image_id"] for a in chosen}) == 53
