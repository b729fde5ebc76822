"""From OCHuman's own annotation file to its numbers: converter and metric together, against pycocotools and by hand."""

import json

import numpy as np
import pytest
from evaluation_toys import SIZE, brute_force, coco, found, joints, person, plain_pycocotools, rectangle

from mmselfhuman.datasets.converters import convert_ochuman, load_ochuman, write_json_files
from mmselfhuman.evaluation import OCHumanMetric
from mmselfhuman.structures import JOINTS

NAMES = [*JOINTS[::-1], "head", "neck"]
HOLE = (4, 4, 3, 3)

# Kept persons by image, in the order of the file (not of the ids). val is the first two images with a kept person.
PEOPLE = {
    "900.jpg": [((0, 0, 12, 12), 0.2, HOLE), ((20, 0, 10, 10), 0.5, None), ((0, 20, 10, 10), 0.75, None)],
    "100.jpg": [((5, 5, 20, 20), 1.0, None), ((30, 10, 10, 20), 0.6, None)],
    "300.jpg": [((3, 3, 30, 30), 0.8, None)],
}
RANGES = {"AP": (0, 1), "AP_M": (0.5, 0.75), "AP_H": (0.75, 1)}


def corners(box):
    x, y, w, h = box
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def raw_person(box, max_iou, hole=None, mask=True, pose=True):
    places = dict(zip(JOINTS, np.reshape(joints(*box), (17, 3)).tolist(), strict=True))
    keypoints = [value for name in NAMES for value in ([*places[name][:2], 1] if name in places else [0, 0, 0])]
    segms = {"outer": [corners(box)], "inner": [corners(hole)] if hole else [], "height": SIZE[0], "width": SIZE[1]}
    x, y, w, h = box
    return {
        "bbox": [x, y, x + w, y + h],
        "max_iou": max_iou,
        "keypoints": keypoints if pose else None,
        "segms": segms if mask else None,
    }


def raw_image(name, people):
    return {
        "image_id": name[:3],
        "file_name": name,
        "height": SIZE[0],
        "width": SIZE[1],
        "annotations": people,
    }


@pytest.fixture
def converted(tmp_path):
    images = [raw_image(name, [raw_person(*entry) for entry in people]) for name, people in PEOPLE.items()]
    images[1]["annotations"].append(raw_person((40, 0, 9, 9), 0.6, mask=False))
    images.insert(1, raw_image("500.jpg", [raw_person((0, 0, 9, 9), 0.6, pose=False)]))
    path = tmp_path / "ochuman.json"
    path.write_text(json.dumps({"keypoint_names": NAMES, "images": images}))
    write_json_files(tmp_path, convert_ochuman(load_ochuman(str(path)), validation_images=2))
    return tmp_path


def truth_by_hand(split, only=lambda max_iou: True):
    """The ground truth as the protocol describes it, with ids of its own, and the ids by MaxIoU."""
    names = list(PEOPLE)[:2] if split == "val" else list(PEOPLE)[2:]
    images = {number: name for number, name in enumerate(names, 50) if any(only(p[1]) for p in PEOPLE[name])}
    annotations, max_ious = [], {}
    for image_id, name in images.items():
        for box, max_iou, hole in PEOPLE[name]:
            if only(max_iou):
                id = 200 + len(annotations)
                annotations.append(person(id, image_id, box, segmentation=rectangle(*box, hole=hole)))
                max_ious[id] = max_iou
    return coco(images, annotations), max_ious


def detections(truth, seed):
    """Three attempts at everybody of the split, more or less good."""
    rng = np.random.default_rng(seed)
    results = []
    for annotation in truth["annotations"]:
        for _ in range(3):
            x, y = np.maximum(np.add(annotation["bbox"][:2], rng.integers(-1, 2, 2)), 0).tolist()
            w, h = np.add(annotation["bbox"][2:], rng.integers(-1, 2, 2)).tolist()
            box = (x, y, min(w, SIZE[1] - x), min(h, SIZE[0] - y))
            results.append(found(annotation["image_id"], box, float(rng.random())))
    return results


def scored(metric, truth, results):
    names = {image["id"]: image["file_name"] for image in truth["images"]}
    named = [{**r, "file_name": names[r["image_id"]]} for r in results]
    return metric.score(dict.fromkeys(("segm", "keypoints", "bbox"), named)).values


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layout", [".", "ochuman_coco_format_{}_all.json"])
@pytest.mark.parametrize("split", ["val", "test"])
def test_official_numbers_are_those_of_pycocotools_on_truth_made_by_hand(converted, split, layout, seed):
    metric = OCHumanMetric(str(converted / layout.format(split)), split=split, metric=["segm", "keypoints", "bbox"])
    whole, _ = truth_by_hand(split)
    results = detections(whole, seed)
    values = scored(metric, whole, results)
    for iou_type in ("segm", "keypoints", "bbox"):
        for column, (low, high) in RANGES.items():
            truth, _ = truth_by_hand(split, lambda m, low=low, high=high: low <= m < high)
            if not truth["images"]:
                assert np.isnan(values[f"{iou_type}_{column}"])
                continue
            images = {image["id"] for image in truth["images"]}
            official = plain_pycocotools(truth, [r for r in results if r["image_id"] in images], iou_type)
            assert values[f"{iou_type}_{column}"] == pytest.approx(official.stats[0], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_ignoring_numbers_are_those_of_brute_force(converted, seed):
    metric = OCHumanMetric(
        str(converted / "ochuman_coco_format_val_all.json"), range_mode="ignore", metric=["segm", "keypoints", "bbox"]
    )
    whole, max_ious = truth_by_hand("val")
    results = detections(whole, seed)
    values = scored(metric, whole, results)
    for iou_type in ("segm", "keypoints", "bbox"):
        for column, (low, high) in RANGES.items():
            ignored = frozenset(id for id, max_iou in max_ious.items() if not low <= max_iou < high)
            used = {a["image_id"] for a in whole["annotations"] if a["id"] not in ignored}
            truth = {
                "images": [image for image in whole["images"] if image["id"] in used],
                "annotations": [a for a in whole["annotations"] if a["image_id"] in used],
            }
            expected = brute_force(truth, results, iou_type, ignored & {a["id"] for a in truth["annotations"]})
            assert values[f"{iou_type}_{column}"] == pytest.approx(expected, abs=1e-12), (iou_type, column)


@pytest.mark.parametrize("layout", [".", "ochuman_coco_format_val_all.json"])
def test_fully_labelled_variant_leaves_out_the_image_of_a_person_without_a_mask(converted, layout):
    metric = OCHumanMetric(str(converted / layout), split="val", fully_labelled=True)
    assert {name: truth.num_persons for name, truth in metric.ground_truth.sets.items()} == {
        "all": 3,
        "moderate": 1,
        "hard": 1,
    }
    assert {image["file_name"] for image in metric.ground_truth.sets["all"].images} == {"900.jpg"}


def test_counts_are_those_of_the_protocol(converted):
    counts = {}
    for split in ("val", "test"):
        sets = OCHumanMetric(str(converted), split=split).ground_truth.sets
        counts[split] = {name: (len(truth.images), truth.num_persons) for name, truth in sets.items()}
    assert counts == {
        "val": {"all": (2, 4), "moderate": (2, 2), "hard": (1, 1)},
        "test": {"all": (1, 1), "moderate": (0, 0), "hard": (1, 1)},
    }
