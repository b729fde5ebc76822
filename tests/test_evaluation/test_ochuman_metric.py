import copy
import json
import logging
from pathlib import Path

import numpy as np
import pytest
from evaluation_toys import coco, found, joints, person, plain_pycocotools, rectangle

from mmselfhuman.evaluation import OCHumanMetric
from mmselfhuman.evaluation.coco_eval import BACKENDS
from mmselfhuman.registry import DATASETS, METRICS
from mmselfhuman.structures import Person, PersonImage

FIRST, SECOND, THIRD, FOURTH, FIFTH = (
    (0, 0, 10, 10),
    (20, 0, 10, 10),
    (0, 20, 10, 10),
    (5, 5, 20, 20),
    (30, 10, 10, 20),
)

# Ids and file names are out of order, b.jpg has a person of each range, MaxIoU lies on the ends of the ranges, and two
# persons of c.jpg lack a mask or joints.
IMAGES = {7: "b.jpg", 3: "a.jpg", 5: "c.jpg"}
PEOPLE = [
    person(11, 7, FIRST, max_iou=0.2),
    person(12, 7, SECOND, max_iou=0.5),
    person(13, 7, THIRD, max_iou=0.75),
    person(14, 3, FOURTH, max_iou=1.0),
    person(15, 3, FIFTH, max_iou=0.6),
    person(16, 5, FIRST, max_iou=0.6, segmentation=None),
    person(17, 5, SECOND, max_iou=0.6, keypoints=[0] * 51, num_keypoints=0),
]
SCORES = {11: 0.5, 12: 0.7, 13: 0.6, 14: 0.9, 15: 0.8}
RANGES = {"all": (11, 12, 13, 15), "moderate": (12, 15), "hard": (13,)}
METRIC_OF_RANGE = {"all": "AP", "moderate": "AP_M", "hard": "AP_H"}


@pytest.fixture
def whole_file(tmp_path):
    return write(tmp_path / "with_max_iou.json", coco(IMAGES, PEOPLE))


@pytest.fixture
def range_folder(tmp_path):
    """The official files, renumbered and without MaxIoU."""
    for name, ids in RANGES.items():
        kept = [p for p in PEOPLE if p["id"] in ids]
        numbers = {old: new for new, old in enumerate([i for i in IMAGES if any(p["image_id"] == i for p in kept)], 1)}
        people = [
            {**without(p, "max_iou"), "id": number, "image_id": numbers[p["image_id"]]}
            for number, p in enumerate(kept, 1)
        ]
        images = {new: IMAGES[old] for old, new in numbers.items()}
        write(tmp_path / range_file(name), coco(images, people))
    return str(tmp_path)


def range_file(name):
    limits = {"all": "0.00_1.00", "moderate": "0.50_0.75", "hard": "0.75_1.00"}[name]
    return f"ochuman_coco_format_val_range_{limits}.json"


def write(path, content):
    path.write_text(json.dumps(content))
    return str(path)


def without(entry, key):
    return {k: v for k, v in entry.items() if k != key}


def results_of(people, scores=SCORES):
    return [
        {**found(p["image_id"], p["bbox"], scores[p["id"]]), "file_name": IMAGES[p["image_id"]]}
        for p in people
        if p["id"] in scores
    ]


def every_type(results):
    return dict.fromkeys(("segm", "keypoints", "bbox"), results)


def data_samples(people=PEOPLE, scores=SCORES, names=IMAGES):
    """What mmdet's models give for all images: boolean masks, corners, labels."""
    from pycocotools import mask as coco_mask

    samples = []
    for image_id, name in names.items():
        mine = [p for p in people if p["image_id"] == image_id and p["id"] in scores]
        boxes = np.array([p["bbox"] for p in mine], float).reshape(-1, 4)
        instances = {
            "bboxes": np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1),
            "scores": np.array([scores[p["id"]] for p in mine]),
            "labels": np.zeros(len(mine), int),
            "masks": [coco_mask.decode(p["segmentation"]).astype(bool) for p in mine],
            "keypoints": np.array([p["keypoints"] for p in mine]).reshape(-1, 17, 3)[..., :2],
            "keypoint_scores": np.ones((len(mine), 17)),
        }
        samples.append({"img_path": f"/data/images/{name}", "img_id": image_id, "pred_instances": instances})
    return samples


def metric_of(tmp_path_or_file, **kwargs):
    return OCHumanMetric(ann_file=tmp_path_or_file, metric=["segm", "keypoints", "bbox"], **kwargs)


# AP worked out by hand for perfect detections, scored 14 .9, 15 .8, 12 .7, 13 .6, 11 .5:
# all: a mistake (14), then four hits: 4/5 at every recall. Moderate: 14 is wrong, 15 and 12 are right, the others come
# later: 2/3. Hard, in b.jpg alone: 12 is wrong, 13 is right: 1/2.
BY_HAND = {"drop": {"AP": 4 / 5, "AP_M": 2 / 3, "AP_H": 1 / 2}, "ignore": {"AP": 1, "AP_M": 1, "AP_H": 1}}


@pytest.mark.parametrize("coco_backend", BACKENDS)
@pytest.mark.parametrize("layout", ["whole_file", "range_folder"])
@pytest.mark.parametrize("range_mode", ["drop", "ignore"])
def test_perfect_detections_of_everybody_score_as_worked_out_by_hand(request, layout, range_mode, coco_backend):
    metric = metric_of(request.getfixturevalue(layout), split="val", range_mode=range_mode, coco_backend=coco_backend)
    people = PEOPLE
    expected = BY_HAND[range_mode]
    if layout == "range_folder" and range_mode == "ignore":
        # The official files lack person 14 altogether, so its detection is a mistake in all ranges of a.jpg.
        expected = {"AP": 4 / 5, "AP_M": 2 / 3, "AP_H": 1}
    values = metric.score(every_type(results_of(people))).values
    for iou_type in ("segm", "keypoints", "bbox"):
        for column, value in expected.items():
            assert values[f"{iou_type}_{column}"] == pytest.approx(value, abs=1e-12), (iou_type, column)
        assert values[f"{iou_type}_AR"] == 1


@pytest.mark.parametrize("layout", ["whole_file", "range_folder"])
def test_dropped_ranges_agree_with_pycocotools_on_ground_truth_made_by_hand(request, layout):
    rng = np.random.default_rng(0)
    results = []
    for p in PEOPLE[:5]:
        for _ in range(3):
            box = np.maximum(np.add(p["bbox"], rng.integers(-2, 3, 4)), [0, 0, 1, 1]).tolist()
            box[2], box[3] = min(box[2], 50 - box[0]), min(box[3], 40 - box[1])
            results.append({**found(p["image_id"], box, float(rng.random())), "file_name": IMAGES[p["image_id"]]})
    values = metric_of(request.getfixturevalue(layout), split="val").score(every_type(results)).values
    for iou_type in ("segm", "keypoints", "bbox"):
        for name, ids in RANGES.items():
            people = [p for p in PEOPLE if p["id"] in ids]
            images = {p["image_id"]: IMAGES[p["image_id"]] for p in people}
            truth = coco(images, people)
            official = plain_pycocotools(truth, [r for r in results if r["image_id"] in images], iou_type)
            assert 0 < official.stats[0] < 1
            assert values[f"{iou_type}_{METRIC_OF_RANGE[name]}"] == pytest.approx(official.stats[0], abs=1e-12)
            if name == "all":
                recall = official.stats[5] if iou_type == "keypoints" else official.stats[8]
                assert values[f"{iou_type}_AP50"] == pytest.approx(official.stats[1], abs=1e-12)
                assert values[f"{iou_type}_AP75"] == pytest.approx(official.stats[2], abs=1e-12)
                assert values[f"{iou_type}_AR"] == pytest.approx(recall, abs=1e-12)


def test_one_of_two_moderate_persons_found_gives_51_of_101(whole_file):
    report = metric_of(whole_file).score({"segm": results_of(PEOPLE, {15: 0.9})})
    assert report.values["segm_AP_M"] == pytest.approx(51 / 101, abs=1e-15)
    # One of four: recall 0, .01, ..., .25.
    assert report.values["segm_AP"] == pytest.approx(26 / 101, abs=1e-15)
    assert (report.values["segm_AP_H"], report.values["segm_AR"]) == (0, 0.25)


def test_data_samples_give_the_same_numbers_as_results(whole_file):
    metric = metric_of(whole_file)
    metric.process({}, data_samples())
    values = metric.evaluate(size=3)
    assert values["ochuman/segm_AP"] == pytest.approx(4 / 5)
    assert values["ochuman/keypoints_AP_M"] == pytest.approx(2 / 3)
    assert values["ochuman/bbox_AP_H"] == pytest.approx(1 / 2)
    assert set(values) == {
        f"ochuman/{metric}_{column}"
        for metric in ("segm", "keypoints", "bbox")
        for column in ("AP", "AP50", "AP75", "AP_M", "AP_H", "AR")
    }


def test_persons_without_mask_or_joints_are_left_out_unless_asked_for(whole_file):
    origin = OCHumanMetric(ann_file=whole_file).ground_truth.sets["all"]
    assert (origin.num_persons, [i["file_name"] for i in origin.images]) == (4, ["b.jpg", "a.jpg"])
    as_it_is = OCHumanMetric(ann_file=whole_file, filter_persons=False, metric="bbox")
    assert "variant original, persons as they are in the file" in as_it_is.protocol()
    assert as_it_is.ground_truth.sets["all"].num_persons == 6


def test_table_names_protocol_files_counts_and_poses(range_folder):
    text = OCHumanMetric(ann_file=range_folder, split="val").score({"segm": results_of(PEOPLE)}).text
    first, *truths = text.splitlines()[:4]
    assert (
        first
        == "OCHuman protocol | split val | variant original | range_mode drop (official) | detected poses | pycocotools"
    )
    for line, name, counts in zip(
        truths,
        RANGES,
        ("4 persons in 2 images", "2 persons in 2 images", "1 person in 1 image"),
        strict=True,
    ):
        assert line.startswith(f"{name}: {counts} of ")
        assert line.endswith(range_file(name))
    heading, row = (line.split("|")[1:-1] for line in text.splitlines()[5:8:2])
    assert [cell.strip() for cell in heading] == [
        "metric",
        "category",
        "AP",
        "AP50",
        "AP75",
        "AP_M (MaxIoU .50-.75)",
        "AP_H (MaxIoU .75-1)",
        "AR",
    ]
    assert [cell.strip() for cell in row] == ["segm", "person", "0.800", "0.800", "0.800", "0.667", "0.500", "1.000"]


def test_given_keypoints_are_a_result_of_another_name(whole_file):
    report = OCHumanMetric(ann_file=whole_file, given_keypoints=True).score({"segm": results_of(PEOPLE)})
    assert report.values["segm_given_keypoints_AP"] == pytest.approx(0.8)
    assert "segm_AP" not in report.values
    assert "GT keypoints (not comparable with detected poses)" in report.text
    with pytest.raises(ValueError, match="annotated poses cannot be evaluated"):
        OCHumanMetric(ann_file=whole_file, given_keypoints=True, metric=["segm", "keypoints"])


def test_fully_labelled_variant_restricts_all_ranges(tmp_path):
    data = coco(IMAGES, PEOPLE)
    for image in data["images"]:
        image["fully_labelled"] = image["file_name"] == "b.jpg"
    metric = OCHumanMetric(ann_file=write(tmp_path / "gt.json", data), fully_labelled=True)
    report = metric.score({"segm": results_of(PEOPLE)})
    assert [truth.num_persons for truth in metric.ground_truth.sets.values()] == [3, 1, 1]
    assert report.values["segm_AP"] == 1
    assert "variant original, fully labelled images only" in report.text
    assert report.warnings == ()


def test_fully_labelled_images_can_be_listed_in_a_file(tmp_path, range_folder, whole_file):
    listed = tmp_path / "fully_labelled.txt"
    listed.write_text("b.jpg\n\n")
    as_coco = write(tmp_path / "fully_labelled.json", coco({1: "b.jpg"}, []))
    for ann_file in (whole_file, range_folder):
        for images in (str(listed), as_coco):
            metric = OCHumanMetric(ann_file=ann_file, split="val", fully_labelled=images)
            assert [truth.num_persons for truth in metric.ground_truth.sets.values()] == [3, 1, 1]
    listed.write_text("elsewhere.jpg")
    with pytest.raises(ValueError, match=r"none of the 3 images of .*with_max_iou\.json is fully labelled"):
        OCHumanMetric(ann_file=whole_file, fully_labelled=str(listed))
    with pytest.raises(ValueError, match=r"image 'b\.jpg' does not say whether it is 'fully_labelled'"):
        OCHumanMetric(ann_file=whole_file, fully_labelled=True)


def test_fully_labelled_images_are_found_in_the_file_beside_the_others(range_folder):
    write(Path(range_folder) / "ochuman_coco_format_val_fully_labelled.json", coco({1: "a.jpg"}, []))
    metric = OCHumanMetric(ann_file=range_folder, split="val", fully_labelled=True)
    assert [truth.num_persons for truth in metric.ground_truth.sets.values()] == [1, 1, 0]


def test_range_without_persons_is_a_dash_and_not_a_number(tmp_path):
    people = [p for p in PEOPLE if p["id"] != 13]
    report = OCHumanMetric(ann_file=write(tmp_path / "gt.json", coco(IMAGES, people))).score(
        {"segm": results_of(people)}
    )
    assert np.isnan(report.values["segm_AP_H"])
    assert report.text.splitlines()[-2].split("|")[7].strip() == "-"
    assert any("nobody is to be found in 'hard'" in warning for warning in report.warnings)


def test_ranges_left_out_are_dashes(range_folder):
    files = {"all": f"{range_folder}/{range_file('all')}"}
    report = OCHumanMetric(ann_file=files, variant="OCHuman-Pose").score({"segm": results_of(PEOPLE)})
    assert report.values["segm_AP"] == pytest.approx(0.8)
    assert np.isnan(report.values["segm_AP_M"])
    assert "split val | variant OCHuman-Pose" in report.text


def test_no_predictions_at_all_score_zero_with_a_warning(whole_file):
    metric = OCHumanMetric(ann_file=whole_file)
    metric.process({}, data_samples(scores={}))
    assert metric.evaluate(size=3)["ochuman/segm_AP"] == 0
    assert metric.score({"segm": []}).warnings == (
        "segm: there are no predictions; average precision is 0 where there is anybody to find",
    )


def test_predictions_on_unknown_images_are_counted_named_and_left_out(whole_file):
    strange = [{**found(1, FIRST, 0.99), "file_name": name} for name in ("y.jpg", "x.jpg", "x.jpg")]
    report = OCHumanMetric(ann_file=whole_file).score({"segm": strange + results_of(PEOPLE)})
    assert report.values["segm_AP"] == pytest.approx(0.8)
    assert report.warnings == (
        "segm: 3 predictions were left out, since the ground truth lacks their 2 images: 'x.jpg', 'y.jpg'",
    )


def test_images_never_given_to_the_model_are_counted_and_named(whole_file):
    metric = OCHumanMetric(ann_file=whole_file)
    report = metric.score({"segm": results_of(PEOPLE)}, predicted=["b.jpg"])
    assert report.warnings == ()  # a.jpg has results, so it was given
    report = metric.score({"segm": results_of(PEOPLE[:3])}, predicted=["b.jpg"])
    assert report.warnings == ("1 of 2 images were never given to the model; their persons count as missed: 'a.jpg'",)


def test_predictions_on_none_of_the_images_are_an_error(whole_file):
    with pytest.raises(ValueError, match=r"none of the 1 predicted images \(such as 'z\.jpg'\) is in the ground truth"):
        OCHumanMetric(ann_file=whole_file).score({"segm": [{**found(1, FIRST, 0.5), "file_name": "z.jpg"}]})


def test_two_paths_of_one_image_are_an_error(whole_file):
    twice = [{**found(1, FIRST, 0.5), "file_name": f"{folder}/b.jpg"} for folder in ("x", "y")]
    with pytest.raises(ValueError, match=r"'x/b\.jpg' and on 'y/b\.jpg' are both about 'b\.jpg'"):
        OCHumanMetric(ann_file=whole_file).score({"segm": twice})


def test_image_that_a_sampler_repeats_counts_once(whole_file):
    metric = metric_of(whole_file)
    metric.process({}, [*data_samples(), data_samples()[0]])
    assert metric.evaluate(size=4)["ochuman/segm_AP"] == pytest.approx(0.8)


def test_image_with_two_different_predictions_is_an_error(whole_file):
    metric = metric_of(whole_file)
    other = copy.deepcopy(data_samples()[0])
    other["pred_instances"]["scores"][0] = 0.1
    metric.process({}, [*data_samples(), other])
    with pytest.raises(ValueError, match=r"image '/data/images/b\.jpg' came twice, with different predictions"):
        metric.evaluate(size=4)


def test_samples_of_single_persons_add_up_to_images(whole_file):
    metric = OCHumanMetric(ann_file=whole_file, metric="keypoints")
    samples = [
        {
            "id": p["id"],
            "img_id": p["image_id"],
            "img_path": IMAGES[p["image_id"]],
            "pred_instances": {
                "keypoints": np.reshape(p["keypoints"], (1, 17, 3))[..., :2],
                "keypoint_scores": np.full((1, 17), SCORES[p["id"]]),
            },
        }
        for p in PEOPLE[:5]
    ]
    metric.process({}, [*samples, samples[0]])
    assert metric.evaluate(size=6)["ochuman/keypoints_AP"] == pytest.approx(0.8)


def test_results_are_written_as_coco_results_with_file_names(whole_file, tmp_path):
    from pycocotools.coco import COCO

    metric = metric_of(whole_file, outfile_prefix=str(tmp_path / "out" / "mine"))
    metric.process({}, data_samples())
    metric.evaluate(size=3)
    for name, field in (("segm", "segmentation"), ("keypoints", "keypoints"), ("bbox", "bbox")):
        results = json.loads((tmp_path / "out" / f"mine.{name}.json").read_text())
        assert [r["file_name"].rsplit("/")[-1] for r in results] == ["b.jpg"] * 3 + ["a.jpg"] * 2
        assert set(results[0]) == {"image_id", "file_name", "category_id", "score", field}
        assert len(COCO(whole_file).loadRes(str(tmp_path / "out" / f"mine.{name}.json")).anns) == 5
        again = OCHumanMetric(ann_file=whole_file, metric=name).score({name: results})
        assert again.values[f"{name}_AP"] == pytest.approx(0.8)


def test_format_only_needs_no_ground_truth(tmp_path):
    metric = OCHumanMetric(format_only=True, outfile_prefix=str(tmp_path / "mine"))
    metric.process({}, data_samples())
    assert metric.evaluate(size=3) == {}
    assert len(json.loads((tmp_path / "mine.segm.json").read_text())) == 5


class ToySource:
    name = "Toy"

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, index):
        image_id = list(IMAGES)[index]
        persons = tuple(
            Person(
                id=p["id"],
                box=tuple(map(float, p["bbox"])),
                area=float(p["area"]),
                mask=encoded(p.get("segmentation")),
                keypoints=np.reshape(p["keypoints"], (17, 3)).astype(np.float32),
                max_iou=p["max_iou"],
            )
            for p in PEOPLE
            if p["image_id"] == image_id
        )
        return PersonImage(image_id, IMAGES[image_id], 40, 50, persons)


def encoded(rle):
    return rle and {**rle, "counts": rle["counts"].encode()}


def test_ground_truth_can_come_from_a_source():
    DATASETS.register_module(name="ToyPeople", module=ToySource, force=True)
    for source in ({"type": "ToyPeople"}, ToySource()):
        metric = OCHumanMetric(source=source, metric=["segm", "keypoints"])
        report = metric.score({"segm": results_of(PEOPLE), "keypoints": results_of(PEOPLE)})
        for iou_type in ("segm", "keypoints"):
            for column, value in BY_HAND["drop"].items():
                assert report.values[f"{iou_type}_{column}"] == pytest.approx(value, abs=1e-12)
        assert "all: 4 persons in 2 images of source Toy" in report.text


def test_real_sample_scores_one_against_itself(shared_data):
    path = shared_data / "mmpose_tests" / "ochuman" / "test_ochuman.json"
    data = json.loads(path.read_text())
    names = {image["id"]: image["file_name"] for image in data["images"]}
    results = [{**a, "file_name": names[a["image_id"]], "score": 0.9} for a in data["annotations"]]
    metric = OCHumanMetric(ann_file={"all": str(path)}, metric=["segm", "keypoints", "bbox"])
    values = metric.score(every_type(results)).values
    assert len(results) == 5
    for iou_type in ("segm", "keypoints", "bbox"):
        assert [values[f"{iou_type}_{c}"] for c in ("AP", "AP50", "AP75", "AR")] == [1] * 4
        assert np.isnan(values[f"{iou_type}_AP_H"])


def test_file_without_max_iou_cannot_be_divided_into_ranges(tmp_path):
    path = write(tmp_path / "gt.json", coco(IMAGES, [without(p, "max_iou") for p in PEOPLE]))
    with pytest.raises(ValueError, match=r"gt\.json: annotation 11 has no 'max_iou'.*give the three range files"):
        OCHumanMetric(ann_file=path)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, "needs ground truth: either ann_file or source"),
        ({"ann_file": "a.json", "source": {"type": "X"}}, ValueError, "either ann_file or source"),
        ({"ann_file": "nowhere.json"}, FileNotFoundError, r"nowhere\.json does not exist"),
        ({"ann_file": {"all": "nowhere.json"}}, FileNotFoundError, r"nowhere\.json does not exist"),
        ({"ann_file": {"easy": "a.json"}}, ValueError, r"names the ranges \['easy'\]; expected some of \['all'"),
        ({"ann_file": "a.json", "metric": "mAP"}, ValueError, r"metric must be one or more of .* got 'mAP'"),
        ({"ann_file": "a.json", "range_mode": "keep"}, ValueError, r"range_mode must be one of .* got 'keep'"),
        ({"ann_file": "a.json", "coco_backend": "gpu"}, ValueError, r"coco_backend must be one of .* got 'gpu'"),
        ({"format_only": True}, ValueError, "outfile_prefix does not say where"),
    ],
)
def test_wrong_argument_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        OCHumanMetric(**arguments)


def test_folder_needs_a_split(range_folder):
    with pytest.raises(ValueError, match=r"is a folder; split must be one of \('val', 'test'\), got None"):
        OCHumanMetric(ann_file=range_folder)
    with pytest.raises(FileNotFoundError, match=r"ochuman_coco_format_test_range_0\.00_1\.00\.json does not exist"):
        OCHumanMetric(ann_file=range_folder, split="test")


def test_mask_of_another_size_than_its_image_is_named(whole_file):
    wrong = {**found(7, FIRST, 0.5), "file_name": "b.jpg", "segmentation": rectangle(*FIRST, size=(50, 40))}
    with pytest.raises(ValueError, match=r"on image 'b\.jpg' is 50 x 40 \(h x w\); the image is 40 x 50"):
        OCHumanMetric(ann_file=whole_file).score({"segm": [wrong]})


@pytest.mark.parametrize("library", ["mmengine", "mmdet", "mmpose"])
def test_metric_is_built_from_configs_of_other_scopes(library, whole_file):
    registry = pytest.importorskip(f"{library}.registry", reason=f"{library} is not installed")
    metric = registry.METRICS.build({"type": "mmselfhuman.OCHumanMetric", "ann_file": whole_file})
    assert isinstance(metric, OCHumanMetric)
    assert METRICS.get("OCHumanMetric") is OCHumanMetric


def test_mask_ap_is_that_of_mmdets_metric(range_folder):
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("mmdet.evaluation", reason="mmdet is not installed")
    samples = data_samples()
    for sample in samples:
        instances = sample["pred_instances"]
        instances["masks"] = torch.from_numpy(np.reshape(instances["masks"], (-1, 40, 50)).astype(bool))
        for key in ("bboxes", "scores", "labels"):
            instances[key] = torch.from_numpy(instances[key])
        sample["ori_shape"] = (40, 50)
    path = Path(range_folder) / range_file("all")
    numbers = {image["file_name"]: image["id"] for image in json.loads(path.read_text())["images"]}
    theirs = metrics.CocoMetric(ann_file=str(path), metric="segm")
    theirs.dataset_meta = {"classes": ("person",)}
    theirs.process({}, [{**s, "img_id": numbers[s["img_path"][-5:]]} for s in samples if s["img_path"][-5:] in numbers])
    ours = OCHumanMetric(ann_file=range_folder, split="val")
    ours.process({}, samples)
    # mmdet rounds to three decimals.
    assert theirs.evaluate(size=2)["coco/segm_mAP"] == round(ours.evaluate(size=3)["ochuman/segm_AP"], 3) == 0.8


def test_pose_ap_is_that_of_mmposes_metric(tmp_path):
    metrics = pytest.importorskip("mmpose.evaluation", reason="mmpose is not installed")
    from mmselfhuman.structures import SIGMAS

    rng = np.random.default_rng(1)
    truth = coco({1: "a.jpg", 2: "b.jpg"}, [person(1, 1, FIFTH), person(2, 2, FOURTH), person(3, 2, FIRST)])
    path = write(tmp_path / "gt.json", truth)
    samples = [
        {
            "id": a["id"],
            "img_id": a["image_id"],
            "img_path": f"/data/{'ab'[a['image_id'] - 1]}.jpg",
            "gt_instances": {"bbox_scores": rng.random(1)},
            "pred_instances": {
                "keypoints": np.reshape(joints(*a["bbox"]), (1, 17, 3))[..., :2] + rng.normal(0, 0.8, (1, 17, 2)),
                "keypoint_scores": rng.random((1, 17)),
            },
        }
        for a in truth["annotations"]
    ]
    theirs = metrics.CocoMetric(ann_file=path, nms_mode="none")
    theirs.dataset_meta = {"dataset_name": "coco", "num_keypoints": 17, "sigmas": SIGMAS}
    theirs.process({}, copy.deepcopy(samples))
    expected = theirs.evaluate(size=3)
    ours = OCHumanMetric(ann_file={"all": path}, metric="keypoints")
    ours.process({}, samples)
    values = ours.evaluate(size=3)
    assert 0 < expected["coco/AP"] < 1
    for mine, other in (("AP", "AP"), ("AP50", "AP .5"), ("AP75", "AP .75"), ("AR", "AR")):
        assert values[f"ochuman/keypoints_{mine}"] == pytest.approx(expected[f"coco/{other}"], abs=1e-12)


@pytest.mark.parametrize(("library", "sample_type"), [("mmdet", "DetDataSample"), ("mmpose", "PoseDataSample")])
def test_data_samples_of_the_libraries_pass_through_mmengines_evaluator(whole_file, library, sample_type):
    structures = pytest.importorskip(f"{library}.structures", reason=f"{library} is not installed")
    from mmengine.evaluator import Evaluator
    from mmengine.structures import InstanceData

    samples = []
    for sample in data_samples():
        instances = InstanceData(**sample.pop("pred_instances"))
        samples.append(getattr(structures, sample_type)(metainfo=sample, pred_instances=instances))
    metric = {
        "type": "mmselfhuman.OCHumanMetric",
        "ann_file": whole_file,
        "metric": ["segm", "keypoints"],
        "prefix": "x",
    }
    evaluator = Evaluator(metric)
    evaluator.process(samples, {})
    values = evaluator.evaluate(size=3)
    assert values["x/segm_AP"] == values["x/keypoints_AP"] == pytest.approx(0.8)


def test_table_and_warnings_reach_the_log(whole_file, caplog):
    from mmengine.logging import MMLogger

    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        metric = OCHumanMetric(ann_file=whole_file)
        with caplog.at_level(logging.INFO):
            metric.process({}, data_samples()[:1])
            metric.evaluate(size=1)
    finally:
        logger.removeHandler(caplog.handler)
    assert "OCHuman protocol | split not named" in caplog.text
    assert "1 of 2 images were never given to the model" in caplog.text


def test_synthetic_people_fill_all_ranges_and_join_with_the_datasets_samples():
    from mmselfhuman.datasets import PersonInstanceDataset

    source = {"type": "SyntheticPeople", "split": "target_test", "num_images": 24, "size": (96, 96)}
    metric = OCHumanMetric(source=source, metric=["segm", "keypoints"], variant="synthetic")
    dataset = PersonInstanceDataset(source, test_mode=True)
    samples = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        instances = info["instances"]
        keypoints = np.array([i["keypoints"] for i in instances]).reshape(-1, 17, 3)
        predictions = {
            "masks": [i["mask"] for i in instances],
            "scores": np.full(len(instances), 0.5),
            "labels": np.zeros(len(instances), int),
            "keypoints": keypoints[..., :2],
            "keypoint_scores": np.ones(keypoints.shape[:2]),
        }
        samples.append({"img_path": info["img_path"], "img_id": info["img_id"], "pred_instances": predictions})
    metric.process({}, samples)
    values = metric.evaluate(size=len(samples))
    assert all(truth.num_persons for truth in metric.ground_truth.sets.values())
    assert values["ochuman/segm_AP"] == values["ochuman/keypoints_AP"] == 1
    assert 0 < values["ochuman/segm_AP_H"] <= 1
    assert "split target_test | variant synthetic" in metric.protocol()
