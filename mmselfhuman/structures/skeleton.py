"""The COCO skeleton: 17 joints, how they are connected, and how exactly each can be located."""

import numpy as np

JOINTS: tuple[str, ...] = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)

NUM_JOINTS = len(JOINTS)

JOINT_INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINTS)}

_LIMB_NAMES = (
    ("left_ankle", "left_knee"),
    ("left_knee", "left_hip"),
    ("right_ankle", "right_knee"),
    ("right_knee", "right_hip"),
    ("left_hip", "right_hip"),
    ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"),
    ("left_shoulder", "right_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
    ("left_eye", "right_eye"),
    ("nose", "left_eye"),
    ("nose", "right_eye"),
    ("left_eye", "left_ear"),
    ("right_eye", "right_ear"),
    ("left_ear", "left_shoulder"),
    ("right_ear", "right_shoulder"),
)

LIMBS: tuple[tuple[int, int], ...] = tuple((JOINT_INDEX[a], JOINT_INDEX[b]) for a, b in _LIMB_NAMES)
"""Pairs of joint indices: the ``skeleton`` of COCO's person category, counted from 0."""

MIRRORED: tuple[int, ...] = tuple(
    JOINT_INDEX[
        name.replace("left", "right") if "left" in name else name.replace("right", "left") if "right" in name else name
    ]
    for name in JOINTS
)
"""``MIRRORED[k]`` is the joint that joint ``k`` becomes when the image is flipped left to right."""

SIGMAS: np.ndarray = (
    np.array([0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89])
    / 10
)
"""(17,) COCO's per-joint standard deviations for OKS (``pycocotools.cocoeval.Params``)."""
SIGMAS.flags.writeable = False
