"""mmpose's CocoMetric and ours say the same about refined poses."""

import copy
import json

import numpy as np
import pytest

from mmselfhuman.evaluation.coco_eval import evaluate_coco
from mmselfhuman.evaluation.ochuman_metric import OCHumanMetric
from mmselfhuman.models.gbsr.motion import ClipMotion
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
from mmselfhuman.structures import JOINTS, SIGMAS

CocoMetric = pytest.importorskip("mmpose.evaluation").CocoMetric


def scene(rng: np.random.Generator, images: int = 6) -> tuple[dict, list[np.ndarray]]:
    """COCO ground truth of two persons an image, and noisy poses of them."""
    entries, annotations, poses = [], [], []
    for number in range(1, images + 1):
        entries.append({"id": number, "file_name": f"{number}.png", "height": 200, "width": 320})
        found = []
        for person in range(2):
            points = rng.uniform((40 + 120 * person, 20), (150 + 120 * person, 180), (17, 2))
            keypoints = np.column_stack([points, np.full(17, 2)])
            box = [*points.min(0), *np.ptp(points, axis=0)]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "num_keypoints": 17,
                    "area": float(box[2] * box[3]),
                    "bbox": [float(value) for value in box],
                    "keypoints": keypoints.ravel().tolist(),
                }
            )
            noisy = points + rng.normal(0, rng.choice([1, 8]), points.shape)
            found.append(np.column_stack([noisy, rng.uniform(0.3, 1, 17)]))
        poses.append(np.stack(found))
    category = {"id": 1, "name": "person", "keypoints": list(JOINTS), "skeleton": []}
    return {"images": entries, "annotations": annotations, "categories": [category]}, poses


def test_mmpose_and_we_agree_on_refined_poses(tmp_path):
    truth, poses = scene(np.random.default_rng(0))
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    images = [np.zeros((200, 320, 3), np.uint8)] * len(poses)
    motion = ClipMotion([np.zeros((2, 200, 320))] * (len(poses) - 1))
    refined = GraphPoseRefiner(drop_single=False, recover_persons=False)(images, poses, motion)
    samples = []
    for image, persons in zip(truth["images"], refined, strict=True):
        # A sample for each person, as of a top-down model: of several in one sample mmpose's metric keeps only one.
        for person in persons:
            samples.append(
                {
                    "id": len(samples) + 1,
                    "img_id": image["id"],
                    "img_path": image["file_name"],
                    "category_id": 1,
                    "pred_instances": {
                        "keypoints": person.keypoints[None, :, :2],
                        "keypoint_scores": person.keypoints[None, :, 2],
                    },
                    "gt_instances": {"bbox_scores": np.array([0.9])},
                }
            )
    ann_file = str(tmp_path / "truth.json")
    theirs = CocoMetric(ann_file=ann_file, nms_mode="none")
    theirs.dataset_meta = {"dataset_name": "coco", "num_keypoints": 17, "sigmas": SIGMAS}
    theirs.process({}, copy.deepcopy(samples))
    expected = theirs.evaluate(len(samples))
    ours = OCHumanMetric(ann_file={"all": ann_file}, metric="keypoints", filter_persons=False)
    ours.process({}, samples)
    values = ours.evaluate(len(samples))
    assert 0 < expected["coco/AP"] < 1
    for name in ("AP", "AP50", "AP75"):
        theirs_name = {"AP": "coco/AP", "AP50": "coco/AP .5", "AP75": "coco/AP .75"}[name]
        assert values[f"ochuman/keypoints_{name}"] == pytest.approx(expected[theirs_name], abs=1e-6)
    assert evaluate_coco(truth, [], "keypoints").ap() == 0
