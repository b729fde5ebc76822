"""Expected counts, ids and areas are counted by hand from the fixture."""

import json
import runpy
import sys
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from json_changes import broken, paths_into
from pycocotools import mask as coco_mask

from mmselfhuman.datasets.converters import convert_ochuman, load_ochuman, write_json_files
from mmselfhuman.datasets.sources import AnnotationFileError, OCHuman
from mmselfhuman.structures import JOINTS

TOOL = Path(__file__).parents[2] / "tools" / "dataset_converters" / "ochuman2coco.py"

# The order of the published file.
NAMES = [
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "head",
    "neck",
    "right_ear",
    "left_ear",
    "nose",
    "right_eye",
    "left_eye",
]


def rectangle(x1, y1, x2, y2):
    """A polygon around the pixels of columns x1 to x2 - 1 and rows y1 to y2 - 1."""
    return [x1, y1, x2, y1, x2, y2, x1, y2]


def pose(**visible):
    """19 joints at (index, index + 0.5), visible but for those named."""
    return [value for i, name in enumerate(NAMES) for value in (i, i + 0.5, visible.get(name, 1))]


def person(max_iou, box=(1, 1, 5, 4), outer=((1, 1, 5, 4),), inner=(), keypoints=None):
    segms = {"outer": [rectangle(*r) for r in outer], "inner": [rectangle(*r) for r in inner], "height": 8, "width": 10}
    return {"bbox": list(box), "max_iou": max_iou, "keypoints": keypoints or pose(), "segms": segms}


def image(image_id, file_name, *annotations):
    return {"image_id": image_id, "file_name": file_name, "width": 10, "height": 8, "annotations": list(annotations)}


KEYPOINTS_ONLY = {**person(0.9), "segms": None}
MASK_ONLY = {**person(0.9), "keypoints": None}


@pytest.fixture
def dataset():
    """Images in an order that is not that of their ids; with two validation images, val is d and c, test is b."""
    return {
        "keypoint_names": NAMES,
        "keypoint_visible": {"missing": 0, "vis": 1, "self_occluded": 2, "others_occluded": 3},
        "images": [
            image(40, "d.jpg", person(0.5), KEYPOINTS_ONLY, MASK_ONLY),
            image(10, "a.jpg", KEYPOINTS_ONLY),
            image(30, "c.jpg", person(0.2), person(0.6), person(0.8)),
            image(20, "b.jpg", person(0.75, outer=[(0, 0, 6, 6)], inner=[(2, 2, 4, 5)]), person(1.0)),
        ],
    }


def summary(file):
    """(image id, file name, [(annotation id, MaxIoU), ...]) per image."""
    return [
        (
            entry["id"],
            entry["file_name"],
            [(a["id"], a["max_iou"]) for a in file["annotations"] if a["image_id"] == entry["id"]],
        )
        for entry in file["images"]
    ]


EXPECTED = {
    "val_range_0.00_1.00": [(1, "d.jpg", [(1, 0.5)]), (2, "c.jpg", [(2, 0.2), (3, 0.6), (4, 0.8)])],
    "val_range_0.50_0.75": [(1, "d.jpg", [(1, 0.5)]), (2, "c.jpg", [(2, 0.6)])],
    "val_range_0.75_1.00": [(1, "c.jpg", [(1, 0.8)])],
    "val_all": [(1, "d.jpg", [(1, 0.5)]), (2, "c.jpg", [(2, 0.2), (3, 0.6), (4, 0.8)])],
    "val_fully_labelled": [(1, "c.jpg", [(1, 0.2), (2, 0.6), (3, 0.8)])],
    "test_range_0.00_1.00": [(1, "b.jpg", [(1, 0.75)])],
    "test_range_0.50_0.75": [],
    "test_range_0.75_1.00": [(1, "b.jpg", [(1, 0.75)])],
    "test_all": [(1, "b.jpg", [(1, 0.75), (2, 1.0)])],
    "test_fully_labelled": [(1, "b.jpg", [(1, 0.75), (2, 1.0)])],
}


def test_each_file_has_the_persons_of_its_split_and_range(dataset):
    files = convert_ochuman(dataset, validation_images=2)
    assert {name: summary(content) for name, content in files.items()} == {
        f"ochuman_coco_format_{name}.json": expected for name, expected in EXPECTED.items()
    }


def test_validation_is_the_first_2500_kept_images_in_file_order():
    images = [image(9000 - number, f"{number:04d}.jpg", person(0.5)) for number in range(2503)]
    images.insert(100, image(1, "empty.jpg", KEYPOINTS_ONLY))
    files = convert_ochuman({"keypoint_names": NAMES, "images": images})
    validation = files["ochuman_coco_format_val_all.json"]["images"]
    assert [entry["file_name"] for entry in validation] == [f"{number:04d}.jpg" for number in range(2500)]
    assert [entry["id"] for entry in validation] == list(range(1, 2501))
    test = files["ochuman_coco_format_test_all.json"]["images"]
    assert [(entry["id"], entry["file_name"]) for entry in test] == [(1, "2500.jpg"), (2, "2501.jpg"), (3, "2502.jpg")]


def converted(*persons):
    files = convert_ochuman({"keypoint_names": NAMES, "images": [image(1, "x.jpg", *persons)]})
    return files["ochuman_coco_format_val_all.json"]["annotations"]


def test_area_is_that_of_the_box():
    (annotation,) = converted(person(0.5, box=(1, 2, 6, 4.5), outer=[(1, 1, 3, 3)]))
    assert annotation["bbox"] == [1, 2, 5, 2.5]
    assert annotation["area"] == 12.5
    assert coco_mask.area(annotation["segmentation"]) == 4


def test_holes_are_cut_out_of_the_united_outlines():
    (annotation,) = converted(person(0.5, outer=[(0, 0, 6, 6), (5, 5, 9, 8)], inner=[(2, 2, 4, 5), (3, 3, 6, 6)]))
    expected = np.zeros((8, 10), np.uint8)
    expected[0:6, 0:6] = expected[5:8, 5:9] = 1
    expected[2:5, 2:4] = expected[3:6, 3:6] = 0
    # 36 + 12 - 1 shared; the holes take 6 and 9, of which 2 x 1 shared
    assert expected.sum() == 47 - 13
    assert np.array_equal(coco_mask.decode(annotation["segmentation"]), expected)
    assert annotation["segmentation"]["size"] == [8, 10]
    assert isinstance(annotation["segmentation"]["counts"], str)


def test_polygons_of_two_points_enclose_nothing():
    flat = person(0.5, outer=[(1, 1, 3, 3)])
    flat["segms"]["outer"].insert(0, [7, 7, 9, 7])
    assert coco_mask.area(converted(flat)[0]["segmentation"]) == 4


def test_joints_are_reordered_by_name_and_visibility_becomes_cocos():
    (annotation,) = converted(person(0.5, keypoints=pose(nose=0, left_hip=2, right_knee=3, neck=0, head=0)))
    points = dict(zip(JOINTS, np.reshape(annotation["keypoints"], (17, 3)).tolist(), strict=True))
    assert points["nose"] == [16, 16.5, 0]
    assert points["left_hip"] == [9, 9.5, 2], "hidden by the person's own body counts as visible"
    assert points["right_knee"] == [7, 7.5, 1], "hidden by others"
    assert points["left_eye"] == [18, 18.5, 2]
    assert annotation["num_keypoints"] == 16


def test_annotations_carry_what_joins_them():
    (annotation,) = converted(person(0.5))
    assert (annotation["file_name"], annotation["max_iou"]) == ("x.jpg", 0.5)
    assert (annotation["iscrowd"], annotation["category_id"]) == (0, 1)


def spoil(change):
    broken = deepcopy(person(0.5))
    change(broken)
    return {"keypoint_names": NAMES, "images": [image(1, "x.jpg", person(0.5), broken)]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("max_iou"), r"lacks \['max_iou'\]"),
        (lambda p: p.update(max_iou=None), "max_iou is None"),
        (lambda p: p.update(max_iou=70), "max_iou is 70"),
        (lambda p: p.update(bbox=[1, 2, 3]), r"bbox is \[1, 2, 3\]"),
        (lambda p: p.update(keypoints=[1] * 51), "51 keypoint numbers, expected 3 for each of the 19"),
        (lambda p: p.update(keypoints=pose(nose=4)), r"nose is \[16, 16.5, 4\]"),
        (lambda p: p["keypoints"].__setitem__(48, float("nan")), "nose is"),
        (lambda p: p["segms"].pop("inner"), r"lacks \['inner'\]"),
        (lambda p: p["segms"].update(height=9), "segms of 10 x 9 in an image of 10 x 8"),
        (lambda p: p["segms"].update(inner=[[1, 1, 2, 2, 3, 3, 4]]), "inner: polygon"),
    ],
)
def test_broken_person_is_an_error_that_names_image_and_person(change, message):
    with pytest.raises(AnnotationFileError, match=message) as error:
        convert_ochuman(spoil(change))
    assert "image 'x.jpg', person 1" in str(error.value)


@pytest.mark.parametrize("odd", [None, -1, 1e30, float("nan"), "x", [], [[]], {}, True])
def test_whatever_one_value_becomes_the_file_is_converted_or_refused(tmp_path, odd):
    dataset = {"keypoint_names": NAMES, "images": [image(1, "x.jpg", person(0.5, inner=[(2, 2, 4, 3)]), MASK_ONLY)]}
    path = tmp_path / "ochuman.json"
    for place in paths_into(dataset):
        path.write_text(json.dumps(broken(deepcopy(dataset), (*place, odd))))
        with suppress(AnnotationFileError):
            assert len(convert_ochuman(load_ochuman(str(path)))) == 10, place


def test_file_names_may_not_leave_the_folder():
    with pytest.raises(AnnotationFileError, match=r"image '../x.jpg'"):
        convert_ochuman({"keypoint_names": NAMES, "images": [image(1, "../x.jpg", person(0.5))]})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "no list 'images'"),
        ({"images": [1]}, "'keypoint_names'"),
        ({"images": [1], "keypoint_names": NAMES[1:]}, "right_shoulder"),
    ],
)
def test_other_files_are_not_taken_for_ochumans(tmp_path, content, message):
    path = tmp_path / "ochuman.json"
    path.write_text(json.dumps(content))
    with pytest.raises(AnnotationFileError, match=message):
        load_ochuman(str(path))


def run_tool(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
    runpy.run_path(str(TOOL), run_name="__main__")


@pytest.fixture
def ochuman_json(tmp_path, dataset):
    path = tmp_path / "ochuman.json"
    path.write_text(json.dumps(dataset))
    return path


def test_tool_writes_the_files_and_reports_their_size(monkeypatch, capsys, ochuman_json, tmp_path):
    run_tool(monkeypatch, ochuman_json, "--out-dir", tmp_path / "coco")
    assert len(list((tmp_path / "coco").iterdir())) == 10
    printed = capsys.readouterr().out
    assert "ochuman_coco_format_val_all.json: 3 images, 6 persons" in printed
    assert "3 images and 6 persons were kept; of the published OCHuman it is (4731, 8110)" in printed


def test_tool_replaces_nothing_unasked(monkeypatch, ochuman_json, tmp_path):
    kept = tmp_path / "ochuman_coco_format_val_all.json"
    kept.write_text("mine")
    with pytest.raises(SystemExit, match=r"val_all.json: exists already; pass --overwrite"):
        run_tool(monkeypatch, ochuman_json)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ochuman.json", kept.name]
    run_tool(monkeypatch, ochuman_json, "--overwrite")
    assert len(json.loads(kept.read_text())["images"]) == 3


def test_tool_says_what_is_wrong_in_one_line(monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match=r"error: annotation file .*gone.json does not exist"):
        run_tool(monkeypatch, tmp_path / "gone.json")


def test_failed_write_leaves_neither_file_nor_remains(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json_files(tmp_path, {"a.json": {"value": float("nan")}})
    assert list(tmp_path.iterdir()) == []


def test_written_files_are_read_by_ochuman(dataset, tmp_path):
    write_json_files(tmp_path, convert_ochuman(dataset, validation_images=2))

    def read(name, **options):
        source = OCHuman(f"ochuman_coco_format_{name}.json", data_root=str(tmp_path), **options)
        return [(item.file_name, [person.max_iou for person in item.persons]) for item in source]

    assert read("val_all") == [("d.jpg", [0.5]), ("c.jpg", [0.2, 0.6, 0.8])]
    for low, high in ((0, 1), (0.5, 0.75), (0.75, 1)):
        assert read("val_all", max_iou_range=(low, high)) == read(f"val_range_{low:.2f}_{high:.2f}")
    assert read("test_all", max_iou_range=(0.75, 1)) == [("b.jpg", [0.75])]


def test_range_needs_max_iou(shared_data):
    path = str(shared_data / "mmpose_tests" / "ochuman" / "test_ochuman.json")
    with pytest.raises(AnnotationFileError, match=r"annotation 1 has no 'max_iou', which max_iou_range \(0.5, 0.75\)"):
        OCHuman(path, max_iou_range=(0.5, 0.75))


def test_real_sample_has_box_areas_and_images(shared_data):
    source = OCHuman("test_ochuman.json", data_root=str(shared_data / "mmpose_tests" / "ochuman"), check_images=True)
    assert [item.file_name for item in source] == ["003799.jpg", "000817.jpg", "003896.jpg"]
    for index, item in enumerate(source):
        assert source.image(index).shape == (item.height, item.width, 3)
        for person in item.persons:
            assert person.area == person.box[2] * person.box[3]
