import json
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.registry import DefaultScope
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from mmselfhuman.datasets.images import DamagedImageError
from mmselfhuman.datasets.sources import AnnotationFileError, COCOPersons, build_source, source_to_coco
from mmselfhuman.structures import JOINTS, Person, PersonImage


def ids(source):
    return {item.file_name: [person.id for person in item.persons] for item in source}


@pytest.mark.parametrize(
    ("person_filter", "expected"),
    [
        ("pose2seg", {"b.png": [20]}),
        ("mask", {"b.png": [20, 10], "a.png": [11]}),
        ("all", {"b.png": [20, 10], "a.png": [11]}),
    ],
)
def test_filter_keeps_persons_in_file_order(coco_content, write_coco, person_filter, expected):
    assert ids(COCOPersons(write_coco(coco_content), person_filter=person_filter)) == expected


def test_persons_without_a_mask_are_kept_by_all_only(coco_content, write_coco):
    del coco_content["annotations"][0]["segmentation"]
    path = write_coco(coco_content)
    assert ids(COCOPersons(path, person_filter="all")) == {"b.png": [20, 10], "a.png": [11]}
    assert ids(COCOPersons(path, person_filter="mask")) == {"b.png": [10], "a.png": [11]}
    with pytest.raises(AnnotationFileError, match="no person is left of 3 annotations"):
        COCOPersons(path, person_filter="pose2seg")


def test_empty_images_are_kept_on_demand(coco_content, write_coco):
    assert ids(COCOPersons(write_coco(coco_content), keep_empty=True)) == {"b.png": [20], "a.png": []}


def test_unknown_filter_is_named(coco_content, write_coco):
    with pytest.raises(ValueError, match="person_filter is 'poses', expected one of"):
        COCOPersons(write_coco(coco_content), person_filter="poses")


def test_person_is_read_as_annotated(coco_content, write_coco):
    coco_content["annotations"][0].update(max_iou=0.5, track_id=4)
    person, crowd = COCOPersons(write_coco(coco_content), person_filter="all")[0].persons
    assert (person.box, person.area, person.crowd, person.max_iou, person.track_id) == ((1, 2, 3, 3), 9, False, 0.5, 4)
    assert person.keypoints.dtype == np.float32
    assert person.keypoints[9].tolist() == [1, 3, 2]
    expected = np.zeros((6, 8), np.uint8)
    expected[2:5, 1:4] = 1
    assert np.array_equal(coco_mask.decode(person.mask), expected)
    expected = np.zeros((6, 8), np.uint8)
    expected[:, 3:5] = 1
    assert np.array_equal(coco_mask.decode(crowd.mask), expected)
    assert crowd.crowd
    assert crowd.keypoints is None, "51 zeros are COCO's way to say that there are none"


def test_missing_area_is_that_of_the_mask_or_the_box(coco_content, write_coco):
    first, crowd, _ = coco_content["annotations"]
    del first["area"], first["segmentation"], crowd["area"]
    persons = COCOPersons(write_coco(coco_content), person_filter="all")[0].persons
    assert [person.area for person in persons] == [9, 12]


def test_joints_are_read_by_name(coco_content, write_coco):
    names = ["Left-Shoulder" if name == "nose" else "nose" if name == "left_shoulder" else name for name in JOINTS]
    coco_content["categories"][0]["keypoints"] = names
    keypoints = COCOPersons(write_coco(coco_content))[0].persons[0].keypoints
    assert keypoints[JOINTS.index("nose")].tolist() == [5, 5, 2]
    assert keypoints[JOINTS.index("left_shoulder")].tolist() == [0, 0, 2]


def test_joints_that_the_file_lacks_are_not_labelled(coco_content, write_coco):
    names = ["head_top" if name == "left_eye" else name for name in JOINTS]
    coco_content["categories"][0]["keypoints"] = names
    person = COCOPersons(write_coco(coco_content))[0].persons[0]
    assert person.keypoints[JOINTS.index("left_eye")].tolist() == [0, 0, 0]
    assert person.num_keypoints == 16


def with_keypoint(value):
    return {"keypoints": [value, 1, 2] + [1] * 48}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (with_keypoint(float("nan")), "keypoints not finite"),
        (with_keypoint(float("inf")), "keypoints not finite"),
        (with_keypoint(None), "keypoints not finite"),
        ({"keypoints": [1] * 42}, "keypoints not 17 x 3 numbers"),
        ({"keypoints": [1, 1, 3] * 17}, "keypoint visibility not 0, 1 or 2"),
        ({"bbox": [1, 1, 0, 4]}, "box of zero size"),
        ({"bbox": [1, 1, 4, -1]}, "box of zero size"),
        ({"bbox": [1, 1, 4]}, "box not four finite numbers"),
        ({"bbox": [1, 1, float("nan"), 4]}, "box not four finite numbers"),
        ({"bbox": [8, 0, 2, 2]}, "box outside the image"),
        ({"segmentation": {"size": [8, 6], "counts": [48]}}, "malformed mask"),
        ({"segmentation": {"size": [6, 8], "counts": [47]}}, "malformed mask"),
        ({"segmentation": [[1, 1, 2, 2]]}, "malformed mask"),
        ({"area": float("nan")}, "area not a finite number"),
        ({"max_iou": 1.5}, "max_iou outside [0, 1]"),
        ({"iscrowd": 2}, "iscrowd not 0 or 1"),
        ({"track_id": "a"}, "track_id no integer"),
        ({"image_id": 99}, "unknown image_id"),
    ],
)
def test_broken_annotation_is_skipped_counted_and_named(coco_content, write_coco, log_lines, change, kind):
    coco_content["annotations"][0].update(change)
    path = write_coco(coco_content)
    source = COCOPersons(path, person_filter="all")
    assert source.skipped == {kind: [20]}
    assert ids(source) == {"b.png": [10], "a.png": [11]}
    assert log_lines == [
        f"COCOPersons: 1 of 3 annotations of {path} are broken and skipped: {kind}: 1 (first: annotation 20)"
    ]


def test_nothing_but_broken_annotations_is_an_error_that_counts_them(coco_content, write_coco):
    for entry in coco_content["annotations"]:
        entry["bbox"] = [0, 0, 0, 0]
    with pytest.raises(AnnotationFileError, match=r"box of zero size: 3 \(first: annotation 20, annotation 10, "):
        COCOPersons(write_coco(coco_content), person_filter="all")


def test_a_sound_file_is_read_in_silence(coco_content, write_coco, log_lines):
    assert COCOPersons(write_coco(coco_content)).skipped == {}
    assert log_lines == []


def test_annotations_of_other_categories_are_left_out(coco_content, write_coco):
    coco_content["categories"].insert(0, {"id": 18, "name": "dog"})
    coco_content["annotations"][0].update(category_id=18, bbox=[0, 0, 0, 0])
    source = COCOPersons(write_coco(coco_content), person_filter="all")
    assert ids(source) == {"b.png": [10], "a.png": [11]}
    assert source.skipped == {}


def test_images_are_read_when_asked_for(coco_content, write_coco, tmp_path):
    source = COCOPersons(write_coco(coco_content), person_filter="all", img_prefix=str(tmp_path))
    assert source[1].path == str(tmp_path / "a.png")
    assert source.image(1).shape == (6, 8, 3)
    assert (source.image(1) == 30).all()


def test_missing_image_is_named_on_use_or_at_once(coco_content, write_coco, tmp_path):
    path = write_coco(coco_content)
    (tmp_path / "a.png").unlink()
    source = COCOPersons(path, person_filter="all", img_prefix=str(tmp_path))
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "a.png"))):
        source.image(1)
    with pytest.raises(FileNotFoundError, match=r"1 of the 2 images of .*persons.json do not exist, .*a\.png"):
        COCOPersons(path, person_filter="all", img_prefix=str(tmp_path), check_images=True)


def test_image_of_another_size_is_damage(coco_content, write_coco, tmp_path):
    path = write_coco(coco_content)
    coco_content["images"][0].update(width=80)
    coco_content["annotations"] = coco_content["annotations"][:1]
    (tmp_path / "persons.json").write_text(json.dumps(coco_content))
    with pytest.raises(DamagedImageError, match=r"b\.png has 8 x 6 pixels, annotated are 80 x 6"):
        COCOPersons(path, img_prefix=str(tmp_path)).image(0)


def test_paths_are_relative_to_data_root(coco_content, write_coco, tmp_path):
    write_coco(coco_content)
    source = COCOPersons("persons.json", data_root=str(tmp_path), img_prefix="images")
    assert source[0].path == str(tmp_path / "images" / "b.png")


def test_source_survives_a_process_border(coco_content, write_coco):
    source = COCOPersons(write_coco(coco_content), person_filter="all")
    assert source_to_coco(pickle.loads(pickle.dumps(source))) == source_to_coco(source)


@pytest.mark.parametrize("default_scope", [None, "mmengine", "mmdet", "mmselfhuman"])
def test_config_is_built_whatever_the_default_scope(coco_content, write_coco, log_lines, default_scope):
    config = {"type": "COCOPersons", "ann_file": write_coco(coco_content)}
    with DefaultScope.overwrite_default_scope(default_scope):
        source = build_source(config)
    assert isinstance(source, COCOPersons)
    assert build_source(source) is source
    assert "_scope_" not in config
    assert log_lines == []


def test_unknown_key_of_a_config_is_named(coco_content, write_coco):
    with pytest.raises(TypeError, match="person_fliter"):
        build_source({"type": "COCOPersons", "ann_file": write_coco(coco_content), "person_fliter": "all"})


def test_unknown_type_is_named():
    with pytest.raises(KeyError, match="NoSuchPersons"):
        build_source({"type": "NoSuchPersons"})


REAL_FILES = {
    "coco_persons_mini/annotations/person_keypoints_train2017.json": 271,
    "coco_persons_mini/annotations/person_keypoints_val2017.json": 112,
    "mmpose_tests/ochuman/test_ochuman.json": 5,
    "mmpose_tests/coco/test_coco.json": 14,
}


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_files_read_as_pycocotools_reads_them(shared_data, name):
    source = COCOPersons(name, data_root=str(shared_data), person_filter="all", keep_empty=True)
    api = COCO(str(shared_data / name))
    assert source.skipped == {}
    assert sum(len(item.persons) for item in source) == REAL_FILES[name]
    assert {item.id for item in source} == set(api.imgs)
    for item in source:
        assert (item.file_name, item.height, item.width) == tuple(
            api.imgs[item.id][key] for key in ("file_name", "height", "width")
        )
        assert [person.id for person in item.persons] == [entry["id"] for entry in api.imgToAnns[item.id]]
        for person in item.persons:
            entry = api.anns[person.id]
            assert person.mask == api.annToRLE(entry) | {"counts": as_bytes(api.annToRLE(entry)["counts"])}
            assert np.array_equal(coco_mask.decode(person.mask), api.annToMask(entry))
            assert (list(person.box), person.area, person.crowd) == (entry["bbox"], entry["area"], entry["iscrowd"])
            assert person.num_keypoints == entry["num_keypoints"]
            if person.keypoints is not None:
                assert person.keypoints.flatten().tolist() == np.float32(entry["keypoints"]).tolist()


def as_bytes(counts):
    return counts.encode() if isinstance(counts, str) else counts


def test_posetrack_heads_are_not_taken_for_eyes(shared_data):
    path = shared_data / "mmpose_tests" / "posetrack18" / "annotations" / "test_posetrack18_val.json"
    source = COCOPersons(str(path), person_filter="all", keep_empty=True)
    entries = json.loads(path.read_text())["annotations"]
    persons = {person.id: person for item in source for person in item.persons}
    assert len(persons) == len(entries) == 14
    eyes = [JOINTS.index("left_eye"), JOINTS.index("right_eye")]
    for entry in entries:
        keypoints, stored = persons[entry["id"]].keypoints, np.float32(entry["keypoints"]).reshape(17, 3)
        assert (keypoints[eyes] == 0).all()
        others = np.setdiff1d(range(17), eyes)
        assert np.array_equal(keypoints[others], stored[others])


coordinates = st.integers(0, 30).map(float) | st.floats(0, 30, width=32)


@st.composite
def persons(draw, person_id, height=9, width=7):
    mask = draw(st.none() | st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    keypoints = draw(
        st.none() | st.lists(st.tuples(coordinates, coordinates, st.sampled_from([0, 1, 2])), min_size=17, max_size=17)
    )
    if mask is not None:
        mask = coco_mask.encode(np.asfortranarray(np.reshape(mask, (height, width)), dtype=np.uint8))
    if keypoints is not None:
        keypoints = np.array(keypoints, dtype=np.float32)
        keypoints = keypoints if (keypoints[:, 2] > 0).any() else None
    return Person(
        id=person_id,
        box=(draw(st.floats(0, 6)), draw(st.floats(0, 8)), draw(st.floats(0.1, 9)), draw(st.floats(0.1, 9))),
        area=draw(st.floats(0, 100)),
        mask=mask,
        keypoints=keypoints,
        crowd=draw(st.booleans()),
        max_iou=draw(st.none() | st.floats(0, 1)),
        track_id=draw(st.none() | st.integers(0, 5)),
    )


class Listed:
    name = "listed"

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


@given(st.data(), st.lists(st.integers(0, 3), min_size=1, max_size=3).filter(any))
def test_written_ground_truth_is_read_back_as_it_was(tmp_path_factory, data, counts):
    items, next_id = [], 1
    for number, count in enumerate(counts):
        group = tuple(data.draw(persons(next_id + offset)) for offset in range(count))
        items.append(PersonImage(5 - number, f"sub/{number}.png", 9, 7, group))
        next_id += count
    path = tmp_path_factory.mktemp("round_trip") / "persons.json"
    path.write_text(json.dumps(source_to_coco(Listed(items)), allow_nan=False))
    source = COCOPersons(str(path), person_filter="all", keep_empty=True)
    assert source.skipped == {}
    assert [(i.id, i.file_name, i.height, i.width) for i in source] == [
        (i.id, i.file_name, i.height, i.width) for i in items
    ]
    for read, item in zip(source, items, strict=True):
        for person, original in zip(read.persons, item.persons, strict=True):
            for field in ("id", "box", "area", "mask", "crowd", "max_iou", "track_id"):
                assert getattr(person, field) == getattr(original, field)
            assert np.array_equal(person.keypoints, original.keypoints)


def test_written_ground_truth_is_what_pycocotools_needs(coco_content, write_coco, tmp_path):
    written = source_to_coco(COCOPersons(write_coco(coco_content), person_filter="all"))
    path = tmp_path / "written.json"
    path.write_text(json.dumps(written))
    api = COCO(str(path))
    assert [api.anns[i]["num_keypoints"] for i in (20, 10, 11)] == [17, 0, 0]
    assert [api.annToMask(api.anns[i]).sum() for i in (20, 10, 11)] == [9, 12, 4]
    assert [api.anns[i]["iscrowd"] for i in (20, 10, 11)] == [0, 1, 0]
    (category,) = written["categories"]
    assert (category["id"], category["name"], category["keypoints"]) == (1, "person", list(JOINTS))
    assert category["skeleton"][:2] == [[16, 14], [14, 12]], "limbs count from 1"
