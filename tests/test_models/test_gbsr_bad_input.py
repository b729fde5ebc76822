"""Whatever comes in, the refiner says what is wrong with it, or gives back finite poses."""

import numpy as np
import pytest
from gbsr_toys import SIZE, gliding, person, true_motion
from hypothesis import given, settings
from hypothesis import strategies as st

from mmselfhuman.models.gbsr.motion import ClipMotion
from mmselfhuman.models.gbsr.poses import person_score
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner

IMAGE = np.zeros((*SIZE, 3), np.uint8)


def still(frames: int) -> ClipMotion:
    return ClipMotion([np.zeros((2, *SIZE))] * (frames - 1))


@settings(max_examples=15, deadline=None)
@given(
    value=st.sampled_from([np.nan, np.inf, -np.inf]),
    frame=st.integers(0, 2),
    joint=st.integers(0, 16),
    part=st.integers(0, 2),
)
def test_a_joint_that_is_not_finite_is_named(value, frame, joint, part):
    poses = [person(80)[None] for _ in range(3)]
    poses[frame][0, joint, part] = value
    with pytest.raises(ValueError, match=rf"poses\[{frame}\]: joint {joint} of person 0 is not finite"):
        GraphPoseRefiner()([IMAGE] * 3, poses, still(3))


@settings(max_examples=15, deadline=None)
@given(images=st.integers(0, 4), poses=st.integers(0, 4), motion=st.integers(1, 4))
def test_lists_of_different_clips_are_refused(images, poses, motion):
    if images == poses == motion:
        return
    with pytest.raises(ValueError, match=f"got {images}, {poses} and {motion} frames"):
        GraphPoseRefiner()([IMAGE] * images, [person(80)[None]] * poses, still(motion))


@settings(max_examples=10, deadline=None)
@given(joints=st.integers(0, 30).filter(lambda n: n != 17), columns=st.sampled_from([2, 3, 4]))
def test_another_number_of_joints_is_refused(joints, columns):
    poses = [np.ones((1, joints, columns))] * 2
    if joints == 0:
        assert GraphPoseRefiner()([IMAGE] * 2, poses, still(2)) == [[], []]
        return
    with pytest.raises(ValueError, match=rf"poses\[0\] must have shape \(P, 17, 3\), got \(1, {joints}, {columns}\)"):
        GraphPoseRefiner()([IMAGE] * 2, poses, still(2))


@settings(max_examples=15, deadline=None)
@given(dx=st.floats(-1e5, 1e5), dy=st.floats(-1e5, 1e5), frames=st.integers(1, 4))
def test_persons_outside_the_frame_come_back_as_they_came(dx, dy, frames):
    pose = person(80)
    pose[:, :2] += (dx, dy)
    for persons in GraphPoseRefiner()([IMAGE] * frames, [pose[None]] * frames, still(frames)):
        np.testing.assert_allclose(persons[0].keypoints, pose, atol=1e-6)


def test_exact_poses_come_back_exactly_whatever_the_window():
    poses = gliding([80, 200], [5, -4], 9)
    for window in (2, 3, 5):
        refined = GraphPoseRefiner(window=window)([IMAGE] * 9, poses, true_motion(poses, [5, -4]))
        for frame, persons in zip(refined, poses, strict=True):
            np.testing.assert_allclose(np.stack([p.keypoints for p in frame]), persons, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(scores=st.lists(st.floats(0, 1), min_size=17, max_size=17))
def test_the_score_of_a_person_is_a_share_and_gains_by_recovered_joints(scores):
    pose = np.zeros((17, 3))
    pose[:, 2] = scores
    score = person_score(pose)
    assert 0 <= score <= 1
    best = pose.copy()
    best[:, 2] = np.maximum(pose[:, 2], pose[:, 2].max())
    assert person_score(best) >= score - 1e-12
