import json

import numpy as np
import pytest
from evaluation_toys import coco, found, person, plain_pycocotools

from mmselfhuman.evaluation import COCOPersonsMetric
from mmselfhuman.evaluation.coco_eval import BACKENDS

BOX = (0, 0, 10, 10)
OTHER = (20, 0, 10, 10)


def write(path, content):
    path.write_text(json.dumps(content))
    return str(path)


def named(results, images):
    return [{**r, "file_name": images[r["image_id"]]} for r in results]


def test_person_dropped_by_the_rule_makes_its_detection_a_mistake(tmp_path):
    people = [person(1, 1, BOX), person(2, 1, OTHER, keypoints=[0] * 51, num_keypoints=0)]
    results = named([found(1, OTHER, 0.9), found(1, BOX, 0.8)], {1: "a.jpg"})
    path = write(tmp_path / "gt.json", coco({1: "a.jpg"}, people))
    report = COCOPersonsMetric(ann_file=path).score({"segm": results})
    assert report.values["segm_AP"] == pytest.approx(0.5)
    assert report.text.startswith("COCOPersons | persons with keypoints and a mask (Pose2Seg) | detected poses")
    as_it_is = COCOPersonsMetric(ann_file=path, filter_persons=False).score({"segm": results})
    assert as_it_is.values["segm_AP"] == 1
    assert as_it_is.text.startswith("COCOPersons | the file as it is")


def test_images_without_persons_left_do_not_count(tmp_path):
    people = [person(1, 1, BOX), person(2, 2, BOX, segmentation=None)]
    images = {1: "a.jpg", 2: "b.jpg"}
    results = named([found(2, BOX, 0.9), found(1, BOX, 0.8)], images)
    report = COCOPersonsMetric(ann_file=write(tmp_path / "gt.json", coco(images, people))).score({"segm": results})
    assert report.values["segm_AP"] == 1
    assert report.warnings == ()


@pytest.mark.parametrize("coco_backend", BACKENDS)
def test_areas_are_coco_s_annotated_ones(tmp_path, coco_backend):
    people = [person(1, 1, BOX, area=2000.0), person(2, 1, OTHER, area=20000.0), person(3, 2, BOX, area=10.0)]
    images = {1: "a.jpg", 2: "b.jpg"}
    path = write(tmp_path / "gt.json", coco(images, people))
    results = named([found(1, BOX, 0.9), found(2, BOX, 0.5)], images)
    metric = COCOPersonsMetric(ann_file=path, metric=["segm", "keypoints"], coco_backend=coco_backend)
    values = metric.score({"segm": results, "keypoints": results}).values
    for iou_type in ("segm", "keypoints"):
        official = plain_pycocotools(coco(images, people), results, iou_type)
        shift = 3 if iou_type == "keypoints" else 4
        assert values[f"{iou_type}_AP"] == pytest.approx(official.stats[0], abs=1e-12)
        assert values[f"{iou_type}_AP_M"] == pytest.approx(official.stats[shift], abs=1e-12) == 1
        assert values[f"{iou_type}_AP_L"] == pytest.approx(official.stats[shift + 1], abs=1e-12) == 0


def test_table_tells_areas_from_max_iou(tmp_path):
    path = write(tmp_path / "gt.json", coco({1: "a.jpg"}, [person(1, 1, BOX)]))
    text = COCOPersonsMetric(ann_file=path).score({"segm": named([found(1, BOX, 0.9)], {1: "a.jpg"})}).text
    assert "AP_M (area 32^2-96^2)" in text
    assert "MaxIoU" not in text


@pytest.mark.parametrize("split", ["train2017", "val2017"])
@pytest.mark.parametrize("coco_backend", BACKENDS)
def test_real_persons_score_one_against_themselves(shared_data, split, coco_backend):
    from pycocotools.coco import COCO

    path = str(shared_data / "coco_persons_mini" / "annotations" / f"person_keypoints_{split}.json")
    truth = COCO(path)
    persons = [a for a in truth.anns.values() if a["num_keypoints"] and not a["iscrowd"]]
    results = []
    for annotation in persons:
        rle = truth.annToRLE(annotation)
        results.append(
            {
                "file_name": truth.imgs[annotation["image_id"]]["file_name"],
                "score": 0.5,
                "segmentation": {**rle, "counts": rle["counts"].decode()},
                "keypoints": annotation["keypoints"],
            }
        )
    metric = COCOPersonsMetric(ann_file=path, metric=["segm", "keypoints"], coco_backend=coco_backend)
    values = metric.score({"segm": results, "keypoints": results}).values
    assert metric.ground_truth.sets["all"].num_persons == len(persons)
    assert set(values.values()) == {1.0}
    assert len(values) == 12


def test_ground_truth_is_asked_for():
    with pytest.raises(ValueError, match="COCOPersonsMetric needs ground truth"):
        COCOPersonsMetric()


def test_nobody_left_is_a_dash(tmp_path):
    path = write(tmp_path / "gt.json", coco({1: "a.jpg"}, [person(1, 1, BOX, segmentation=None)]))
    report = COCOPersonsMetric(ann_file=path).score({"segm": named([found(1, BOX, 0.9)], {1: "a.jpg"})})
    assert all(np.isnan(value) for value in report.values.values())
    assert report.text.count(" - ") == 6
