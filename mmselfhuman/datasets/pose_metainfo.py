"""The COCO skeleton in the form in which mmpose's datasets describe theirs."""

import numpy as np

from mmselfhuman.datasets.sources.export import person_category
from mmselfhuman.structures import JOINT_INDEX, JOINTS, LIMBS, MIRRORED, NUM_JOINTS, SIGMAS

_BLUE, _GREEN, _ORANGE = (51, 153, 255), (0, 255, 0), (255, 128, 0)
_WEIGHTS = {"elbow": 1.2, "wrist": 1.5, "knee": 1.2, "ankle": 1.5}
"""How much more than the others mmpose lets the joints weigh that are hard to find."""


def coco_pose_metainfo() -> dict:
    """What mmpose makes of its ``configs/_base_/datasets/coco.py``, without importing mmpose.

    The name of the dataset is its own: under ``coco``, mmpose's ``CocoMetric`` would take the annotation file of any
    COCO dataset in the process for this one's. ``CLASSES`` is the category list from which it writes ground truth.
    """
    first_of_legs = JOINT_INDEX["left_hip"]
    return {
        "dataset_name": "mmselfhuman_persons",
        "num_keypoints": NUM_JOINTS,
        "keypoint_id2name": dict(enumerate(JOINTS)),
        "keypoint_name2id": dict(JOINT_INDEX),
        "upper_body_ids": list(range(first_of_legs)),
        "lower_body_ids": list(range(first_of_legs, NUM_JOINTS)),
        "flip_indices": list(MIRRORED),
        "flip_pairs": [(mirrored, joint) for joint, mirrored in enumerate(MIRRORED) if joint != mirrored],
        "keypoint_colors": np.array([_joint_color(joint) for joint in JOINTS], dtype=np.uint8),
        "num_skeleton_links": len(LIMBS),
        "skeleton_links": list(LIMBS),
        "skeleton_link_colors": np.array([_limb_color(a, b) for a, b in LIMBS], dtype=np.uint8),
        "dataset_keypoint_weights": np.array([_WEIGHTS.get(j.split("_")[-1], 1) for j in JOINTS], dtype=np.float32),
        "sigmas": SIGMAS.astype(np.float32),
        "CLASSES": [person_category()],
    }


def _joint_color(joint: str) -> tuple[int, int, int]:
    side, _, part = joint.partition("_")
    if part in ("", "eye", "ear"):
        return _BLUE
    return _GREEN if side == "left" else _ORANGE


def _limb_color(a: int, b: int) -> tuple[int, int, int]:
    """Arms and legs have the colour of their side, head and trunk are blue."""
    outer = next((joint for joint in (JOINTS[a], JOINTS[b]) if joint.split("_")[-1] in _WEIGHTS), None)
    return _BLUE if outer is None else _joint_color(outer)
