import json

import pytest
from evaluation_toys import coco, person

from mmselfhuman.evaluation.ground_truth import (
    TruthSet,
    by_max_iou,
    ignoring_others,
    is_pose2seg_person,
    only_fully_labelled,
    read_image_list,
    read_truth,
)
from mmselfhuman.structures import JOINTS

BOX = (0, 0, 10, 10)


def truth_of(images, annotations):
    data = coco(images, annotations)
    return TruthSet(data["images"], data["annotations"], "toy")


def contents(truth):
    return [image["file_name"] for image in truth.images], [a["id"] for a in truth.annotations], truth.ignored


def with_max_iou(*values):
    return [person(number, number, BOX, max_iou=value) for number, value in enumerate(values, 1)]


@pytest.mark.parametrize(
    ("max_iou", "ranges"),
    [
        (0.0, {"all"}),
        (0.4999, {"all"}),
        (0.5, {"all", "moderate"}),
        (0.7499, {"all", "moderate"}),
        (0.75, {"all", "hard"}),
        (0.9999, {"all", "hard"}),
        (1.0, set()),
    ],
)
def test_ranges_include_their_lower_and_exclude_their_upper_end(max_iou, ranges):
    sets = by_max_iou(truth_of({1: "a.jpg"}, with_max_iou(max_iou)), "drop")
    assert {name for name, truth in sets.items() if truth.annotations} == ranges


def test_drop_removes_persons_out_of_range_and_images_left_empty():
    truth = truth_of({1: "a.jpg", 2: "b.jpg"}, [*with_max_iou(0.6, 0.2), person(3, 1, BOX, max_iou=0.8)])
    assert contents(by_max_iou(truth, "drop")["moderate"]) == (["a.jpg"], [1], frozenset())


def test_ignore_keeps_persons_out_of_range_in_the_images_that_drop_keeps():
    truth = truth_of({1: "a.jpg", 2: "b.jpg"}, [*with_max_iou(0.6, 0.2), person(3, 1, BOX, max_iou=0.8)])
    moderate = by_max_iou(truth, "ignore")["moderate"]
    assert contents(moderate) == (["a.jpg"], [1, 3], frozenset({3}))
    assert moderate.num_persons == 1


@pytest.mark.parametrize("mode", ["drop", "ignore"])
def test_range_files_give_the_same_truth_as_one_file_with_max_iou(mode):
    people = [
        person(1, 5, (0, 0, 10, 10), max_iou=0.2),
        person(2, 5, (20, 0, 10, 10), max_iou=0.6),
        person(3, 9, (20, 0, 10, 10), max_iou=0.8),
    ]
    whole = truth_of({5: "a.jpg", 9: "b.jpg"}, people)
    from_one = by_max_iou(whole, mode)
    bare = [{key: value for key, value in p.items() if key != "max_iou"} for p in people]
    files = {
        "all": truth_of({1: "a.jpg", 2: "b.jpg"}, [{**p, "image_id": i} for p, i in zip(bare, (1, 1, 2), strict=True)]),
        "moderate": truth_of({1: "a.jpg"}, [{**bare[1], "id": 1, "image_id": 1}]),
        "hard": truth_of({1: "b.jpg"}, [{**bare[2], "id": 1, "image_id": 1}]),
    }
    from_three = ignoring_others(files) if mode == "ignore" else files
    for name in files:
        assert contents(from_three[name])[0] == contents(from_one[name])[0]
        boxes = [
            [(a["bbox"], a["id"] in truth.ignored) for a in truth.annotations]
            for truth in (from_three[name], from_one[name])
        ]
        assert boxes[0] == boxes[1]


def test_ignoring_needs_the_file_of_everybody():
    everybody = truth_of({1: "a.jpg"}, [person(1, 1, BOX)])
    stranger = truth_of({1: "a.jpg"}, [person(4, 1, (3, 3, 9, 9))])
    with pytest.raises(ValueError, match="needs the range 'all'"):
        ignoring_others({"hard": everybody})
    with pytest.raises(ValueError, match="annotation 4 of toy is not among the persons of toy"):
        ignoring_others({"all": everybody, "hard": stranger})


@pytest.mark.parametrize(
    ("max_iou", "message"),
    [
        (None, "annotation 2 has no 'max_iou'"),
        (float("nan"), "annotation 2 has max_iou nan"),
        (1.5, r"annotation 2 has max_iou 1\.5"),
        ("x", "annotation 2 has max_iou 'x'"),
    ],
)
def test_person_without_a_usable_max_iou_is_named(max_iou, message):
    with pytest.raises(ValueError, match=f"toy: {message}"):
        by_max_iou(truth_of({1: "a.jpg", 2: "b.jpg"}, with_max_iou(0.3, max_iou)), "drop")


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, True),
        ({"segmentation": None}, False),
        ({"segmentation": []}, False),
        ({"keypoints": None}, False),
        ({"keypoints": [0] * 51}, False),
        ({"keypoints": [3, 3, 1] + [0] * 48, "num_keypoints": 0}, True),
        ({"iscrowd": 1}, False),
    ],
)
def test_pose2seg_rule_asks_for_joints_and_a_mask_of_one_person(fields, kept):
    assert is_pose2seg_person(person(1, 1, BOX, **fields)) is kept


def test_fully_labelled_images_are_those_that_say_so_or_are_listed():
    truth = truth_of({1: "a.jpg", 2: "b.jpg"}, with_max_iou(0.3, 0.3))
    flagged = TruthSet(
        [{**image, "fully_labelled": image["id"] == 2} for image in truth.images], truth.annotations, "toy"
    )
    assert contents(only_fully_labelled(flagged))[:2] == (["b.jpg"], [2])
    assert contents(only_fully_labelled(truth, ["a.jpg", "elsewhere.jpg"]))[:2] == (["a.jpg"], [1])
    assert contents(only_fully_labelled(truth, []))[:2] == ([], [])
    with pytest.raises(ValueError, match=r"image 'a\.jpg' does not say whether it is 'fully_labelled'"):
        only_fully_labelled(truth)


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_file_of_an_empty_range_is_an_empty_truth(tmp_path):
    path = write(tmp_path / "hard.json", coco({}, []))
    assert contents(read_truth(path)) == ([], [], frozenset())


def test_other_categories_of_a_file_are_left_out(tmp_path):
    data = coco({1: "a.jpg"}, [person(1, 1, BOX, category_id=3), person(2, 1, BOX, category_id=7)])
    data["categories"] = [{"id": 3, "name": "dog"}, {"id": 7, "name": "person"}]
    truth = read_truth(write(tmp_path / "gt.json", data))
    assert [(a["id"], a["category_id"]) for a in truth.annotations] == [(2, 1)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"gt\.json: malformed JSON at line 1"),
        ("[]", r"gt\.json: holds a list"),
        ({"images": []}, r"gt\.json: 'images' is empty"),
        ({**coco({1: "a.jpg"}, [person(1, 1, BOX)]), "categories": [{"id": 1, "name": "dog"}]}, "no category 'person'"),
        (coco({1: "a.jpg"}, [person(4, 8, BOX)]), "annotation 4 is on image 8, which the file does not list"),
    ],
)
def test_malformed_file_is_named(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read_truth(write(tmp_path / "gt.json", content))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json does not exist"):
        read_truth(str(tmp_path / "nowhere.json"))


def test_list_of_images_must_list_images(tmp_path):
    with pytest.raises(ValueError, match=r"list\.json: 'images' is no list of images"):
        read_image_list(write(tmp_path / "list.json", {"images": ["a.jpg"]}))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.txt"):
        read_image_list(str(tmp_path / "nowhere.txt"))


def test_joints_of_another_order_are_refused_only_where_they_matter(tmp_path):
    data = coco({1: "a.jpg"}, [person(1, 1, BOX)])
    data["categories"][0]["keypoints"] = list(JOINTS[::-1])
    path = write(tmp_path / "gt.json", data)
    assert read_truth(path).num_persons == 1
    with pytest.raises(ValueError, match=r"gt\.json: its joints are not COCO's 17 in COCO's order"):
        read_truth(path, with_keypoints=True)
