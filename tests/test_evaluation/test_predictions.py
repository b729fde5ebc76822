import numpy as np
import pytest
import torch
from evaluation_toys import rectangle
from pycocotools import mask as coco_mask

from mmselfhuman.evaluation.predictions import PredictionReader


def sample(**instances):
    return {"img_path": "images/a.jpg", "img_id": 3, "pred_instances": instances}


def boolean_mask(x, y, w, h):
    mask = np.zeros((40, 50), bool)
    mask[y : y + h, x : x + w] = True
    return mask


MASKS = np.stack([boolean_mask(0, 0, 4, 6), boolean_mask(10, 20, 5, 5), boolean_mask(1, 1, 1, 1)])


class Wrapped:
    """Like mmdet's BitmapMasks."""

    masks = MASKS.astype(np.uint8)


@pytest.mark.parametrize(
    "masks",
    [
        torch.from_numpy(MASKS),
        MASKS,
        MASKS.astype(np.uint8),
        list(MASKS),
        [coco_mask.encode(np.asfortranarray(mask, np.uint8)) for mask in MASKS],
        [rectangle(0, 0, 4, 6), rectangle(10, 20, 5, 5), rectangle(1, 1, 1, 1)],
        Wrapped(),
    ],
    ids=["tensor", "array", "uint8", "list", "rle bytes", "rle text", "wrapped"],
)
def test_masks_of_persons_become_rle_text_whatever_they_were(masks):
    read = PredictionReader(["segm"]).read(
        sample(masks=masks, scores=torch.tensor([0.5, 0.25, 1.0]), labels=torch.tensor([0, 1, 0]))
    )
    assert read == {
        "file_name": "images/a.jpg",
        "image_id": 3,
        "sample_id": None,
        "results": {
            "segm": [
                {"score": 0.5, "segmentation": rectangle(0, 0, 4, 6)},
                {"score": 1.0, "segmentation": rectangle(1, 1, 1, 1)},
            ]
        },
    }


def test_label_of_persons_can_be_chosen_and_mask_scores_go_before_box_scores():
    reader = PredictionReader(["segm", "bbox"], person_label=1)
    boxes = torch.tensor([[0.0, 0, 4, 6], [10, 20, 15, 25], [1, 1, 2, 2]])
    read = reader.read(
        sample(
            masks=MASKS, bboxes=boxes, scores=np.ones(3), mask_scores=np.full(3, 0.5), labels=torch.tensor([0, 1, 0])
        )
    )
    assert read["results"]["segm"] == [{"score": 0.5, "segmentation": rectangle(10, 20, 5, 5)}]
    assert read["results"]["bbox"] == [{"score": 1.0, "bbox": [10, 20, 5, 5]}]


@pytest.mark.parametrize(
    ("score_mode", "expected"),
    [("bbox_keypoint", 0.5 * (0.9 + 0.3) / 2), ("bbox", 0.5), ("keypoint", (0.9 + 0.3 + 15 * 0.2) / 17)],
)
def test_score_of_a_pose(score_mode, expected):
    joint_scores = np.array([[0.9, 0.3] + [0.2] * 15])
    keypoints = np.arange(34.0).reshape(1, 17, 2)
    read = PredictionReader(["keypoints"], score_mode=score_mode).read(
        sample(keypoints=keypoints, keypoint_scores=joint_scores, bbox_scores=np.array([0.5]))
    )
    [pose] = read["results"]["keypoints"]
    assert pose["score"] == pytest.approx(expected)
    assert np.array_equal(np.reshape(pose["keypoints"], (17, 3))[:, :2], keypoints[0])
    assert pose["keypoints"][2::3] == joint_scores[0].tolist()


def test_pose_without_a_sure_joint_scores_zero():
    read = PredictionReader(["keypoints"]).read(
        sample(keypoints=np.zeros((1, 17, 2)), keypoint_scores=np.full((1, 17), 0.2), bbox_scores=np.ones(1))
    )
    assert read["results"]["keypoints"][0]["score"] == 0


@pytest.mark.parametrize(
    ("extra", "given", "expected"),
    [
        ({"bbox_scores": np.array([0.5])}, {"bbox_scores": np.array([0.1])}, 0.5),
        ({"scores": np.array([0.4])}, {"bbox_scores": np.array([0.1])}, 0.4),
        ({}, {"bbox_scores": np.array([0.1])}, 0.1),
        ({}, {"bbox_scores": np.array([0.1, 0.2])}, 1.0),
        ({}, None, 1.0),
    ],
    ids=["own box scores", "own scores", "scores of the given boxes", "given boxes are others", "no boxes"],
)
def test_box_score_of_a_pose_is_looked_up_as_mmpose_does(extra, given, expected):
    data = sample(keypoints=np.zeros((1, 17, 2)), keypoint_scores=np.ones((1, 17)), **extra)
    if given is not None:
        data["gt_instances"] = given
    assert PredictionReader(["keypoints"]).read(data)["results"]["keypoints"][0]["score"] == pytest.approx(expected)


def test_image_without_predictions_gives_no_results():
    nothing = sample(
        masks=torch.zeros(0, 40, 50, dtype=torch.bool),
        bboxes=torch.zeros(0, 4),
        scores=torch.zeros(0),
        labels=torch.zeros(0, dtype=torch.long),
        keypoints=np.zeros((0, 17, 2)),
        keypoint_scores=np.zeros((0, 17)),
    )
    read = PredictionReader(["segm", "keypoints", "bbox"]).read(nothing)
    assert read["results"] == {"segm": [], "keypoints": [], "bbox": []}


def test_sample_of_one_person_keeps_its_id_and_one_of_an_image_has_none():
    pose = {"keypoints": np.zeros((1, 17, 2)), "keypoint_scores": np.ones((1, 17))}
    reader = PredictionReader(["keypoints"])
    assert reader.read({**sample(**pose), "id": 8})["sample_id"] == 8
    assert reader.read({**sample(**pose), "id": [8, 9]})["sample_id"] is None


def pose(**changes):
    return {"keypoints": np.zeros((1, 17, 2)), "keypoint_scores": np.ones((1, 17)), **changes}


@pytest.mark.parametrize(
    ("metric", "data", "message"),
    [
        ("segm", sample(scores=[1]), r"'segm' needs pred_instances\.masks; image 'images/a\.jpg' has \['scores'\]"),
        ("segm", sample(masks=MASKS), r"predictions of image 'images/a\.jpg' have none of .*'scores'"),
        ("segm", sample(masks=MASKS, scores=[1, np.nan, 1]), r"scores\[1\] of image 'images/a\.jpg' is nan"),
        ("segm", sample(masks=MASKS, scores=[1, 1]), "has 3 predictions but 2 scores"),
        ("segm", sample(masks=MASKS * 0.5, scores=[1, 1, 1]), r"a mask of image 'images/a\.jpg' is float64"),
        (
            "segm",
            sample(masks=[np.zeros((2, 4, 5), bool)], scores=[1]),
            r"of shape \(2, 4, 5\); expected \(H, W\) bool",
        ),
        ("keypoints", sample(**pose(keypoints=np.zeros((1, 14, 2)))), r"are \(1, 14, 2\); expected \(N, 17, 2\)"),
        ("keypoints", sample(**pose(keypoint_scores=np.ones((1, 14)))), r"keypoint_scores .* are \(1, 14\)"),
        ("keypoints", sample(**pose(keypoints=np.full((1, 17, 2), np.inf))), r"keypoints\[0\] .* are not finite"),
        ("keypoints", sample(**pose(keypoint_scores=np.full((1, 17), np.nan))), r"keypoints\[0\] .* are not finite"),
        ("bbox", {"img_id": 3, "pred_instances": {}}, "image 3 has no 'img_path'"),
        ("bbox", {"img_path": "a.jpg"}, r"image 'a\.jpg' has no 'pred_instances'"),
    ],
)
def test_broken_prediction_names_its_image(metric, data, message):
    with pytest.raises(ValueError, match=message):
        PredictionReader([metric]).read(data)


def test_unknown_score_mode_is_named():
    with pytest.raises(ValueError, match=r"score_mode must be one of .* got 'best'"):
        PredictionReader(["keypoints"], score_mode="best")
