import json
from collections import Counter

import numpy as np
import pytest
from evaluation_toys import SIZE, brute_force, coco, found, joints, person, plain_pycocotools, random_case, rectangle
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from mmselfhuman.evaluation.coco_eval import (
    BACKENDS,
    IOU_TYPES,
    evaluate_coco,
)

AREAS = ("all", "small", "medium", "large")


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


def published(path):
    """The rows of cocoapi's reference file, by IoU type and (AP or AR, IoU, area, maxDets)."""
    rows, section = {}, None
    for line in path.read_text().splitlines():
        if line.startswith("type="):
            section = rows.setdefault(line.removeprefix("type="), {})
        elif "@[" in line:
            fields = dict(part.split("=") for part in line.split("@[")[1].split("]")[0].replace(" ", "").split("|"))
            iou = None if ":" in fields["IoU"] else float(fields["IoU"])
            kind = "ap" if "(AP)" in line else "ar"
            section[kind, iou, fields["area"], int(fields["maxDets"])] = line.rsplit("=", 1)[1].strip()
    return rows


@pytest.mark.parametrize("iou_type", ["segm", "bbox"])
def test_published_scores_of_the_coco_api_come_out(shared_data, backend, iou_type):
    folder = shared_data / "cocoapi_eval_reference"
    truth = json.loads((folder / "instances_val2014_100.json").read_text())
    results = json.loads((folder / f"instances_val2014_fake{iou_type}100_results.json").read_text())
    scores = evaluate_coco(truth, results, iou_type, backend=backend, areas=AREAS, max_dets=(1, 10, 100))
    rows = published(folder / "val2014_fake_eval_res.txt")[iou_type]
    got = {row: f"{getattr(scores, row[0])(*row[1:]):.3f}" for row in rows}
    assert len(rows) == 12
    assert got == rows


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("iou_type", IOU_TYPES)
def test_scores_are_those_of_plain_pycocotools(backend, iou_type, seed):
    truth, results = random_case(seed)
    limits = (1, 10, 100) if iou_type != "keypoints" else (20,)
    areas = AREAS if iou_type != "keypoints" else ("all", "medium", "large")
    scores = evaluate_coco(truth, results, iou_type, backend=backend, areas=areas, max_dets=limits)
    official = plain_pycocotools(truth, results, iou_type)
    np.testing.assert_allclose(scores.precision, official.eval["precision"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(scores.recall, official.eval["recall"], rtol=0, atol=1e-12)
    if iou_type == "keypoints":
        got = [scores.ap(), scores.ap(0.5), scores.ap(0.75), scores.ap(area="medium"), scores.ap(area="large")]
        got += [scores.ar(), scores.ar(0.5), scores.ar(0.75), scores.ar(area="medium"), scores.ar(area="large")]
    else:
        got = [scores.ap(), scores.ap(0.5), scores.ap(0.75), *(scores.ap(area=area) for area in AREAS[1:])]
        got += [*(scores.ar(max_dets=limit) for limit in limits), *(scores.ar(area=area) for area in AREAS[1:])]
    np.testing.assert_allclose(np.nan_to_num(got, nan=-1), official.stats, rtol=0, atol=1e-12)


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("iou_type", IOU_TYPES)
def test_both_backends_agree_in_every_digit(iou_type, ties):
    for seed in range(60):
        truth, results = random_case(seed, ties=ties, crowds=seed % 2 == 0)
        ignored = frozenset(a["id"] for a in truth["annotations"][seed % 3 :: 3])
        slow, fast = (
            evaluate_coco(truth, results, iou_type, backend=name, areas=("all", "small"), ignored=ignored)
            for name in BACKENDS
        )
        assert np.array_equal(slow.precision, fast.precision), seed
        assert np.array_equal(slow.recall, fast.recall), seed


@pytest.mark.parametrize("iou_type", IOU_TYPES)
def test_backends_agree_on_more_images_than_go_into_one_step(iou_type):
    truth, results = random_case(7, num_images=300)
    slow, fast = (
        evaluate_coco(truth, results, iou_type, backend=name, areas=AREAS, max_dets=(1, 3, 100)) for name in BACKENDS
    )
    assert np.array_equal(slow.precision, fast.precision)
    assert np.array_equal(slow.recall, fast.recall)
    assert fast.ap() > 0.01
    assert fast.ar(max_dets=1) < fast.ar(max_dets=3) < fast.ar()


@pytest.mark.parametrize("iou_type", IOU_TYPES)
def test_backends_agree_on_two_categories_and_crowded_images(iou_type):
    truth, results = random_case(11, num_images=8)
    truth["categories"].append({"id": 3, "name": "statue"})
    results = [dict(result, score=result["score"] - 0.01 * n) for n in range(60) for result in results]
    for number, entry in enumerate([*truth["annotations"], *results]):
        entry["category_id"] = (1, 3)[number % 2]
    slow, fast = (evaluate_coco(truth, results, iou_type, backend=name, ignored={2, 5}) for name in BACKENDS)
    assert max(Counter((r["image_id"], r["category_id"]) for r in results).values()) > 100
    assert np.array_equal(slow.precision, fast.precision)
    assert np.array_equal(slow.recall, fast.recall)


def test_polygons_and_uncompressed_masks_are_masks(backend):
    square = [2, 1, 12, 1, 12, 9, 2, 9]
    pixels = coco_mask.merge(coco_mask.frPyObjects([square], *SIZE))
    counts = [2 * SIZE[0] + 1, *[8, SIZE[0] - 8] * 9, 8, SIZE[0] - 9 + (SIZE[1] - 12) * SIZE[0]]
    for segmentation in ([square], {"size": list(SIZE), "counts": counts}):
        truth = coco({1: "a.jpg"}, [person(1, 1, (2, 1, 10, 8), segmentation=segmentation)])
        result = found(1, (2, 1, 10, 8), 0.5, segmentation=pixels)
        assert evaluate_coco(truth, [result], "segm", backend=backend).ap() == 1


@pytest.mark.parametrize("iou_type", IOU_TYPES)
def test_ignored_persons_neither_count_nor_cost_by_brute_force(backend, iou_type):
    compared = 0
    for seed in range(40):
        truth, results = random_case(seed, ties=False, crowds=False)
        if iou_type == "keypoints":
            truth["annotations"] = [a for a in truth["annotations"] if a["num_keypoints"]]
        ignored = frozenset(a["id"] for a in truth["annotations"][seed % 2 :: 2])
        if len(ignored) == len(truth["annotations"]):
            continue
        got = evaluate_coco(truth, results, iou_type, backend=backend, ignored=ignored).ap()
        assert got == pytest.approx(brute_force(truth, results, iou_type, ignored), abs=1e-12), seed
        compared += 1
    assert compared > 30


def test_second_detection_of_an_ignored_person_is_a_mistake(backend):
    truth = coco({1: "a.jpg"}, [person(1, 1, (0, 0, 10, 10)), person(2, 1, (20, 0, 10, 10))])
    results = [found(1, (20, 0, 10, 10), 0.9), found(1, (20, 0, 10, 10), 0.8), found(1, (0, 0, 10, 10), 0.7)]
    assert evaluate_coco(truth, results[::2], "bbox", backend=backend, ignored={2}).ap() == 1
    assert evaluate_coco(truth, results, "bbox", backend=backend, ignored={2}).ap() == 0.5


@pytest.mark.parametrize("iou_type", IOU_TYPES)
def test_perfect_detections_score_exactly_one_and_none_zero(backend, iou_type):
    truth = coco({4: "a.jpg", 2: "b.jpg"}, [person(0, 4, (1, 2, 10, 20)), person(5, 2, (20, 2, 9, 9))])
    results = [found(a["image_id"], a["bbox"], 0.5) for a in truth["annotations"]]
    scores = evaluate_coco(truth, results, iou_type, backend=backend)
    assert (scores.ap(), scores.ar(), scores.ap_by_iou()) == (1, 1, (1,) * 10)
    nothing = evaluate_coco(truth, [], iou_type, backend=backend)
    assert (nothing.ap(), nothing.ar()) == (0, 0)


def test_score_is_nan_where_there_is_nobody_to_find(backend):
    empty = coco({1: "a.jpg"}, [])
    assert np.isnan(evaluate_coco(empty, [found(1, (0, 0, 5, 5), 0.5)], backend=backend).ap())
    assert np.isnan(evaluate_coco(coco({}, []), [], backend=backend).ar())
    one = coco({1: "a.jpg"}, [person(1, 1, (0, 0, 5, 5))])
    assert np.isnan(evaluate_coco(one, [found(1, (0, 0, 5, 5), 0.5)], backend=backend, ignored={1}).ap())


def test_hole_in_a_mask_counts_by_pixel(backend):
    ring = person(1, 1, (0, 0, 10, 10), segmentation=rectangle(0, 0, 10, 10, hole=(3, 3, 4, 4)))
    scores = evaluate_coco(coco({1: "a.jpg"}, [ring]), [found(1, (0, 0, 10, 10), 0.5)], "segm", backend=backend)
    # IoU = 84 / 100: found at .50, .55, ..., .80.
    assert scores.ap_by_iou() == (1,) * 7 + (0,) * 3
    assert scores.ap() == pytest.approx(0.7, abs=1e-15)


def test_half_of_the_persons_found_give_the_precision_at_51_of_101_recalls(backend):
    truth = coco({1: "a.jpg"}, [person(1, 1, (0, 0, 10, 10)), person(2, 1, (20, 0, 10, 10))])
    scores = evaluate_coco(truth, [found(1, (0, 0, 10, 10), 0.5)], backend=backend)
    assert scores.ap() == pytest.approx(51 / 101, abs=1e-15)
    assert scores.ar() == 0.5


def test_arguments_are_left_as_they_were(backend):
    truth, results = random_case(3)
    before = json.dumps([truth, results])
    for iou_type in IOU_TYPES:
        evaluate_coco(truth, results, iou_type, backend=backend, ignored={truth["annotations"][0]["id"]})
    assert json.dumps([truth, results]) == before


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), iou_type=st.sampled_from(IOU_TYPES), order=st.randoms(use_true_random=False))
def test_order_of_images_annotations_and_detections_does_not_matter(seed, iou_type, order):
    truth, results = random_case(seed, ties=False)
    if iou_type == "keypoints":  # OKS with persons without joints is often exactly 1, a tie that order decides
        truth["annotations"] = [a for a in truth["annotations"] if a["num_keypoints"]]
    expected = evaluate_coco(truth, results, iou_type)
    shuffled = {**truth, "images": truth["images"][:], "annotations": truth["annotations"][:]}
    results = results[:]
    for entries in (shuffled["images"], shuffled["annotations"], results):
        order.shuffle(entries)
    got = evaluate_coco(shuffled, results, iou_type)
    assert np.array_equal(got.precision, expected.precision)
    assert np.array_equal(got.recall, expected.recall)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), iou_type=st.sampled_from(IOU_TYPES))
def test_worse_scored_false_positive_never_raises_the_score(seed, iou_type):
    truth, results = random_case(seed, crowds=False)
    truth["images"].append({"id": 99, "file_name": "nobody.jpg", "height": SIZE[0], "width": SIZE[1]})
    more = [*results, found(99, (0, 0, 8, 8), 0.01)]
    before, after = evaluate_coco(truth, results, iou_type), evaluate_coco(truth, more, iou_type)
    assert (after.precision <= before.precision).all()
    assert np.array_equal(after.recall, before.recall)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (found(1, (0, 0, 5, 5), float("nan")), r"detection 1 on image 'a.jpg' has the score nan"),
        (found(7, (0, 0, 5, 5), 0.5), r"image 7, which is not in the ground truth"),
        (
            found(1, (0, 0, 5, 5), 0.5, segmentation=rectangle(0, 0, 5, 5, size=(30, 50))),
            r"the mask of detection 1 on image 'a.jpg' is 30 x 50 \(h x w\); the image is 40 x 50",
        ),
        (found(1, (0, 0, 5, 5), 0.5, segmentation=[[0, 0, 5, 0, 5, 5]]), "no compressed RLE"),
        ({"image_id": 1, "category_id": 1, "score": 0.5}, "has no 'segmentation', which 'segm' evaluation needs"),
    ],
)
def test_broken_detection_is_named(result, message):
    truth = coco({1: "a.jpg"}, [person(1, 1, (0, 0, 5, 5))])
    with pytest.raises(ValueError, match=message):
        evaluate_coco(truth, [result], "segm")


def test_broken_pose_is_named():
    truth = coco({1: "a.jpg"}, [person(1, 1, (0, 0, 5, 5))])
    with pytest.raises(ValueError, match=r"'a.jpg' has 48 keypoint values; expected 17"):
        evaluate_coco(truth, [found(1, (0, 0, 5, 5), 0.5, keypoints=joints(0, 0, 5, 5)[:48])], "keypoints")
    with pytest.raises(ValueError, match=r"'a.jpg' has a keypoints value that is not finite"):
        evaluate_coco(truth, [found(1, (0, 0, 5, 5), 0.5, keypoints=[float("nan")] * 51)], "keypoints")
    with pytest.raises(ValueError, match=r"'a.jpg' has 3 numbers of a box; expected x, y, w, h"):
        evaluate_coco(truth, [found(1, (0, 0, 5, 5), 0.5, bbox=[0, 0, 5])], "bbox")


def test_broken_ground_truth_is_named():
    result = [found(1, (0, 0, 5, 5), 0.5)]
    small = person(1, 1, (0, 0, 5, 5), segmentation=rectangle(0, 0, 5, 5, size=(8, 8)))
    with pytest.raises(ValueError, match=r"mask of ground truth on image 'a.jpg' is 8 x 8"):
        evaluate_coco(coco({1: "a.jpg"}, [small]), result, "segm")
    with pytest.raises(ValueError, match="annotation 3 of the ground truth has no 'segmentation'"):
        evaluate_coco(coco({1: "a.jpg"}, [person(3, 1, (0, 0, 5, 5), segmentation=None)]), result, "segm")
    with pytest.raises(ValueError, match="ignored annotation 9 is not in the ground truth"):
        evaluate_coco(coco({1: "a.jpg"}, [person(3, 1, (0, 0, 5, 5))]), result, "segm", ignored={9})


def test_unknown_choices_are_named():
    truth = coco({1: "a.jpg"}, [person(1, 1, (0, 0, 5, 5))])
    with pytest.raises(ValueError, match=r"iou_type must be one of .* got 'mask'"):
        evaluate_coco(truth, [], "mask")
    with pytest.raises(ValueError, match=r"backend must be one of .* got 'cuda'"):
        evaluate_coco(truth, [], backend="cuda")
    with pytest.raises(ValueError, match=r"area must be one of .* got 'huge'"):
        evaluate_coco(truth, [], areas=("huge",))
    scores = evaluate_coco(truth, [])
    with pytest.raises(ValueError, match=r"IoU threshold 0\.52 was not evaluated"):
        scores.ap(0.52)
    with pytest.raises(ValueError, match="area range 'small' was not evaluated"):
        scores.ap(area="small")
    with pytest.raises(ValueError, match="limit of 7 detections was not evaluated"):
        scores.ar(max_dets=7)
