"""Forward kinematics: bones keep their length, sides are where they belong, people stand on the ground."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmselfhuman.datasets.synthetic import kinematics
from mmselfhuman.datasets.synthetic.kinematics import Pose, pose_skeleton, stack_poses
from mmselfhuman.datasets.synthetic.motions import SOLO
from mmselfhuman.datasets.synthetic.pair_motions import PAIRS
from mmselfhuman.datasets.synthetic.randomness import Stream

SINGLE = (
    "yaw", "pitch", "roll", "spine_pitch", "spine_roll", "spine_twist", "head_yaw", "head_pitch", "head_roll",
)  # fmt: skip
PAIRED = ("arm_swing", "arm_spread", "elbow", "elbow_in", "leg_swing", "leg_spread", "knee", "ankle")
angle = st.floats(-3.0, 3.0)
poses = st.builds(
    Pose, **dict.fromkeys(SINGLE, angle), **{name: st.tuples(angle, angle) for name in PAIRED}, lift=st.floats(0, 1)
)


def skeleton(pose):
    return pose_skeleton(stack_poses([pose], 1))


def length(a, b):
    return np.linalg.norm(a - b, axis=-1)


@given(poses)
def test_bones_keep_their_lengths_whatever_the_angles(pose):
    body = skeleton(pose)
    for start, end, expected in (
        (body.shoulders, body.elbows, kinematics.UPPER_ARM),
        (body.elbows, body.wrists, kinematics.FOREARM),
        (body.wrists, body.fingers, kinematics.HAND),
        (body.hips, body.knees, kinematics.THIGH),
        (body.knees, body.ankles, kinematics.SHIN),
    ):
        np.testing.assert_allclose(length(start, end), expected, atol=1e-12)
    assert length(body.pelvis, body.neck).item() == pytest.approx(kinematics.SPINE)
    assert length(body.hips[..., 0, :], body.hips[..., 1, :]).item() == pytest.approx(2 * kinematics.HIP_HALF_WIDTH)


@given(poses)
def test_the_lowest_joint_is_lifted_as_far_as_asked(pose):
    body = skeleton(pose)
    points = (body.pelvis, body.neck, body.head, body.shoulders, body.elbows, body.wrists, body.fingers)
    points += (body.hips, body.knees, body.ankles, body.toes)
    assert min(point[..., 1].min() for point in points) == pytest.approx(pose.lift, abs=1e-12)


def test_someone_upright_faces_the_viewer_with_the_left_at_the_right():
    body = skeleton(Pose())
    assert body.shoulders[0, 0, 0, 0] > 0 > body.shoulders[0, 0, 1, 0]
    assert body.toes[0, 0, 0, 2] > body.ankles[0, 0, 0, 2], "toes point to the viewer"
    np.testing.assert_allclose(body.head_axes.front[0, 0], (0, 0, 1), atol=1e-12)


def test_an_adult_is_seven_and_a_half_heads_tall():
    body = skeleton(Pose())
    top = body.head[0, 0, 1] + kinematics.HEAD_RADIUS
    assert top == pytest.approx(1.0, abs=0.02)
    assert top / (2 * kinematics.HEAD_RADIUS) == pytest.approx(7.4, abs=0.3)


@pytest.mark.parametrize(
    ("pose", "joint", "axis", "sign"),
    [
        (Pose(arm_swing=(1.5, 0.0)), "wrists", 2, 1),
        (Pose(arm_spread=(1.5, 0.1)), "wrists", 0, 1),
        (Pose(knee=(1.5, 0.0)), "ankles", 2, -1),
        (Pose(leg_swing=(1.5, 0.0)), "knees", 2, 1),
    ],
)
def test_joints_bend_the_way_bodies_do(pose, joint, axis, sign):
    moved, rest = (getattr(skeleton(each), joint)[0, 0, 0, axis] for each in (pose, Pose()))
    assert sign * (moved - rest) > 0.1


@pytest.mark.parametrize("motion", [*SOLO.values(), *PAIRS.values()], ids=[*SOLO, *PAIRS])
@pytest.mark.parametrize("seed", range(3))
def test_motions_are_smooth_and_never_bend_a_knee_backwards(motion, seed):
    times = np.arange(120) / 60.0
    pose, _ = motion(times, Stream(seed))
    stacked = stack_poses([pose], len(times))
    body = pose_skeleton(stacked)
    for points in (body.wrists, body.ankles, body.head[..., None, :]):
        speed = np.linalg.norm(np.diff(points, axis=0), axis=-1) * 60
        assert speed.max() < 12.0, "statures per second"
    assert stacked.knee.min() > -0.05
    assert stacked.elbow.min() > -0.05
