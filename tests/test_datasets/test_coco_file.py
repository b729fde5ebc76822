"""What is wrong with a file as a whole is an error whose message names file, key and value."""

import json
import re
from contextlib import suppress
from copy import deepcopy

import pytest
from json_changes import broken, paths_into

from mmselfhuman.datasets.sources import AnnotationFileError, COCOPersons
from mmselfhuman.datasets.sources.coco_file import is_inside, read_coco_file
from mmselfhuman.structures import JOINTS


def read_text(tmp_path, text):
    path = tmp_path / "persons.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_coco_file(str(path))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.json does not exist"):
        read_coco_file(str(tmp_path / "gone.json"))


def test_folder_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path))):
        read_coco_file(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1"),
        ('{\n"images": [1,\n}', "line 3, column 1"),
        ("[]", "holds a list, expected an object"),
        (b"\xff\xfe", "no UTF-8 text"),
        ("{}", "'images' is missing"),
        ('{"images": {}}', "'images' is a dict"),
        ('{"images": []}', "'images' is empty"),
    ],
)
def test_malformed_files_are_named_with_the_place(tmp_path, text, message):
    with pytest.raises(AnnotationFileError, match=message) as error:
        read_text(tmp_path, text)
    assert "persons.json" in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("annotations", ...), "'annotations' is missing"),
        (("annotations", []), "'annotations' is empty"),
        (("categories", ...), "'categories' is missing"),
        (("categories", 0, "name", "dog"), r"no category 'person' among the categories \['dog'\]"),
        (("categories", 0, "id", 9), r"none of the 3 annotations has category_id 9 \('person'\)"),
        (("categories", 0, "keypoints", list(JOINTS[:14])), "14 keypoints, expected COCO's 17"),
        (("categories", 0, "keypoints", list("abcdefghijklmnopq")), "none of COCO's joints"),
        (("images", 0, "width", ...), r"images\[0\] lacks \['width'\]"),
        (("images", 1, "width", 0), r"image 3 \(a.png\) has height 6 and width 0"),
        (("images", 1, "height", "6"), r"image 3 \(a.png\) has height '6'"),
        (("images", 1, "id", 7), r"images\[0\] and images\[1\] have the same id 7"),
        (("images", 1, "file_name", "b.png"), r"images\[0\] and images\[1\] have the same file_name 'b.png'"),
        (("images", 0, "file_name", 5), "file_name 5"),
        (("images", 0, "file_name", "../b.png"), r"file_name '../b.png', which leaves its folder"),
        (("images", 0, "file_name", "/etc/passwd"), "leaves its folder"),
        (("images", 0, "file_name", "C:\\b.png"), "leaves its folder"),
        (("images", 0, 5), r"images\[0\] is a int"),
        (("annotations", 1, "bbox", ...), r"annotations\[1\] lacks \['bbox'\]"),
        (("annotations", 1, "image_id", ...), r"annotations\[1\] lacks \['image_id'\]"),
        (("annotations", 1, "id", 20), r"annotations\[0\] and annotations\[1\] have the same id 20"),
        (("annotations", 1, "id", "x"), r"annotations\[1\] has id 'x', expected an integer"),
    ],
)
def test_broken_schema_is_an_error_that_names_the_culprit(tmp_path, coco_content, change, message):
    path = tmp_path / "persons.json"
    path.write_text(json.dumps(broken(coco_content, change)))
    with pytest.raises(AnnotationFileError, match=message) as error:
        COCOPersons(str(path), person_filter="all")
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "odd", [None, -1, 0, 1e30, float("nan"), "x", "", [], [[]], {}, {"size": 1, "counts": 1}, True]
)
def test_whatever_one_value_becomes_the_file_is_read_or_refused(tmp_path, coco_content, odd):
    coco_content["annotations"][0].update(max_iou=0.5, track_id=1)
    coco_content["categories"][0]["keypoints"] = list(JOINTS)
    path = tmp_path / "persons.json"
    places = list(paths_into(coco_content))
    assert len(places) > 60
    for place in places:
        path.write_text(json.dumps(broken(deepcopy(coco_content), (*place, odd))))
        with suppress(AnnotationFileError):
            assert len(COCOPersons(str(path), person_filter="all", keep_empty=True)) == 2, place


def test_crowdpose_is_refused_for_its_14_keypoints(shared_data):
    path = shared_data / "mmpose_tests" / "crowdpose" / "test_crowdpose.json"
    with pytest.raises(AnnotationFileError, match="14 keypoints, expected COCO's 17"):
        COCOPersons(str(path), person_filter="all")


@pytest.mark.parametrize(
    ("file_name", "inside"),
    [
        ("a.jpg", True),
        ("val/a..b.jpg", True),
        ("..a/b.jpg", True),
        ("a/../../b.jpg", False),
        ("a\\..\\b.jpg", False),
        ("/a.jpg", False),
        ("\\\\host\\share\\a.jpg", False),
        ("c:a.jpg", False),
    ],
)
def test_file_names_stay_in_their_folder(file_name, inside):
    assert is_inside(file_name) == inside
