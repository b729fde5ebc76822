import numpy as np
import pytest
from gbsr_toys import SIZE, gliding, person, true_motion
from hypothesis import given, settings
from hypothesis import strategies as st

from mmselfhuman.models.gbsr.clip import JointAction
from mmselfhuman.models.gbsr.motion import ClipMotion
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
from mmselfhuman.models.gbsr.swaps import _turned
from mmselfhuman.structures import JOINT_INDEX

LEFT_WRIST, RIGHT_WRIST, LEFT_KNEE = (JOINT_INDEX[name] for name in ("left_wrist", "right_wrist", "left_knee"))


def pictures(frames: int) -> list[np.ndarray]:
    return [np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)] * frames


def one_walker(frames: int = 7, speed: float = 5.0):
    poses = gliding([80], [speed], frames)
    return poses, true_motion(poses, [speed])


def still(frames: int) -> ClipMotion:
    return ClipMotion([np.zeros((2, *SIZE))] * (frames - 1))


def refine(poses, motion, **options):
    return GraphPoseRefiner(**options)(pictures(len(poses)), poses, motion)


@pytest.mark.parametrize("window", [2, 3, 5])
def test_perfect_poses_come_back_unchanged(window):
    poses = gliding([80, 200], [5, -4], 7)
    refined = refine(poses, true_motion(poses, [5, -4]), window=window)
    for frame, persons in zip(refined, poses, strict=True):
        assert len(frame) == 2
        for k, person_ in enumerate(frame):
            assert person_.source == k
            np.testing.assert_allclose(person_.keypoints, persons[k], atol=0.5)
            assert (person_.actions == JointAction.KEPT).all()


def test_tracks_keep_their_numbers():
    poses = gliding([80, 200], [5, -4], 4)
    motion = true_motion(poses, [5, -4])
    poses[2] = poses[2][::-1]
    tracks = [[p.track_id for p in frame] for frame in refine(poses, motion)]
    assert tracks == [[0, 1], [0, 1], [1, 0], [0, 1]]


def test_a_missing_joint_comes_back_where_it_was():
    poses, motion = one_walker()
    truth = poses[3][0, LEFT_WRIST].copy()
    poses[3][0, LEFT_WRIST] = 0
    refined = refine(poses, motion)[3][0]
    np.testing.assert_allclose(refined.keypoints[LEFT_WRIST, :2], truth[:2], atol=1)
    assert 0 < refined.keypoints[LEFT_WRIST, 2] <= 0.8
    assert refined.actions[LEFT_WRIST] == JointAction.RECOVERED
    assert "neighbouring frames agree" in refined.reasons[LEFT_WRIST]


def test_a_joint_that_no_neighbour_has_stays_missing_as_it_came():
    poses, motion = one_walker(3)
    for persons in poses:
        persons[0, LEFT_WRIST] = (7, 8, 0.05)
    refined = refine(poses, motion)[1][0]
    assert refined.keypoints[LEFT_WRIST].tolist() == [7, 8, 0.05]
    assert refined.actions[LEFT_WRIST] == JointAction.ABSENT


def test_left_and_right_are_exchanged_back():
    poses, motion = one_walker()
    truth = poses[3].copy()
    poses[3][0, [LEFT_WRIST, RIGHT_WRIST]] = poses[3][0, [RIGHT_WRIST, LEFT_WRIST]]
    refined = refine(poses, motion)
    np.testing.assert_allclose(refined[3][0].keypoints, truth[0], atol=1)
    assert np.flatnonzero(refined[3][0].actions == JointAction.SWAPPED).tolist() == [LEFT_WRIST, RIGHT_WRIST]
    for t in (0, 1, 2, 4, 5, 6):
        assert (refined[t][0].actions == JointAction.KEPT).all()


def test_joints_of_two_persons_are_exchanged_back():
    poses = gliding([100, 150], [3, 3], 7)
    motion = true_motion(poses, [3, 3])
    truth = poses[3].copy()
    poses[3][:, LEFT_KNEE] = poses[3][::-1, LEFT_KNEE]
    refined = refine(poses, motion)[3]
    for k in range(2):
        np.testing.assert_allclose(refined[k].keypoints, truth[k], atol=1)
        assert refined[k].actions[LEFT_KNEE] == JointAction.SWAPPED


def test_a_stray_joint_is_moved_back_unless_it_is_confident():
    for score, action in ((0.5, JointAction.MOVED), (0.95, JointAction.KEPT)):
        poses, motion = one_walker()
        truth = poses[3][0, LEFT_WRIST, :2].copy()
        poses[3][0, LEFT_WRIST] += (40, 30, 0)
        poses[3][0, LEFT_WRIST, 2] = score
        refined = refine(poses, motion)[3][0]
        assert refined.actions[LEFT_WRIST] == action
        error = np.linalg.norm(refined.keypoints[LEFT_WRIST, :2] - truth)
        assert error < 1 if action == JointAction.MOVED else error == pytest.approx(50)


def test_jitter_falls_and_confident_joints_stay():
    rng = np.random.default_rng(0)
    for score, factor in ((0.7, 0.9), (0.95, 1.0)):
        truth = gliding([80], [3], 20, score=score)
        motion = true_motion(truth, [3])
        poses = [persons.copy() for persons in truth]
        for persons in poses:
            persons[..., :2] += rng.normal(0, 2, persons[..., :2].shape)
        refined = refine(poses, motion)
        before, after = (
            np.mean(
                [np.linalg.norm(now[..., :2] - true[..., :2], axis=-1) for now, true in zip(part, truth, strict=True)]
            )
            for part in (poses, [np.stack([p.keypoints for p in frame]) for frame in refined])
        )
        assert after <= factor * before + 1e-9


def test_a_missed_person_is_recovered_between_frames_that_have_it():
    poses, motion = one_walker()
    truth = poses[3].copy()
    poses[3] = np.zeros((0, 17, 3))
    (found,) = refine(poses, motion)[3]
    assert found.source is None
    assert (found.actions == JointAction.RECOVERED).all()
    np.testing.assert_allclose(found.keypoints[:, :2], truth[0, :, :2], atol=1)
    assert refine(poses, motion, recover_persons=False)[3] == []


def test_a_person_before_its_first_and_after_its_last_frame_is_not_invented():
    poses, motion = one_walker()
    poses[0] = poses[6] = np.zeros((0, 17, 3))
    refined = refine(poses, motion)
    assert refined[0] == refined[6] == []


def test_a_single_frame_person_is_dropped_unless_confident_or_at_the_border():
    for frame, score, kept in ((3, 0.5, False), (3, 0.95, True), (0, 0.5, True)):
        poses, motion = one_walker()
        poses[frame] = np.concatenate([poses[frame], person(250, score=score)[None]])
        refined = refine(poses, motion)
        assert [len(persons) for persons in refined] == [2 if t == frame and kept else 1 for t in range(7)]
    assert len(refine(poses, motion, drop_single=False)[0]) == 2


def test_visibility_is_high_where_neighbours_agree_and_zero_where_nothing_is():
    poses, motion = one_walker(5, speed=0)
    for persons in poses:
        persons[0, RIGHT_WRIST] = 0
    visibility = refine(poses, motion)[2][0].visibility
    assert visibility[RIGHT_WRIST] == 0
    assert np.delete(visibility, RIGHT_WRIST).min() > 0.8
    assert ((visibility >= 0) & (visibility <= 1)).all()


def test_joints_outside_the_frame_pass_unchanged():
    poses = gliding([-30], [0], 3)
    refined = refine(poses, still(3))
    np.testing.assert_allclose(refined[1][0].keypoints, poses[1][0], atol=1e-9)


def test_one_frame_no_persons_and_fifty_persons():
    alone = person(80)[None]
    (only,) = refine([alone], ClipMotion([]))
    np.testing.assert_array_equal(only[0].keypoints, alone[0])
    assert refine([np.zeros((0, 17, 3))] * 3, still(3)) == [[], [], []]
    crowd = np.stack([person(6 * k, 100 + 3 * (k % 5)) for k in range(50)])
    for frame in refine([crowd] * 2, still(2)):
        np.testing.assert_allclose(np.stack([p.keypoints for p in frame]), crowd, atol=1e-9)


def test_inputs_are_not_changed():
    poses, motion = one_walker()
    poses[3][0, LEFT_WRIST] = 0
    copies = [persons.copy() for persons in poses]
    refine(poses, motion)
    for persons, copy in zip(poses, copies, strict=True):
        np.testing.assert_array_equal(persons, copy)


@pytest.mark.parametrize(
    ("frames", "poses", "message"),
    [
        (2, [person(80)[None]] * 3, "got 2, 3 and 3 frames"),
        (3, [person(80)[None, :16]] * 3, r"poses\[0\] must have shape \(P, 17, 3\), got \(1, 16, 3\)"),
        (3, [person(80)[None]] * 2 + [np.full((1, 17, 3), np.nan)], r"poses\[2\]: joint 0 of person 0 is not finite"),
        (3, [np.full((1, 17, 3), np.inf)] * 3, "not finite"),
    ],
)
def test_wrong_input_is_refused_by_name(frames, poses, message):
    with pytest.raises(ValueError, match=message):
        GraphPoseRefiner()(pictures(frames), poses, still(3))


def test_wrong_images_and_windows_are_refused():
    with pytest.raises(ValueError, match=r"images\[0\] must be \(H, W, 3\) uint8"):
        GraphPoseRefiner()([np.zeros(SIZE, np.uint8)], [person(80)[None]], ClipMotion([]))
    with pytest.raises(ValueError, match=r"window: expected at least 2 .* got 1"):
        GraphPoseRefiner(window=1)


def test_names_are_turned_for_the_minority_and_not_without_one():
    chain = np.zeros((6, 6))
    for t in range(5):
        chain[t, t + 1] = chain[t + 1, t] = 2
    assert _turned(chain, reach=1, price=3.0) == []
    for t in (1, 2):
        chain[t, t + 1] = chain[t + 1, t] = -2
    assert _turned(chain, reach=1, price=3.0) == [2]
    assert _turned(np.array([[0.0, -2.0], [-2.0, 0.0]]), reach=1, price=3.0) == []


@settings(max_examples=25, deadline=None)
@given(
    counts=st.lists(st.integers(0, 3), min_size=1, max_size=6),
    seed=st.integers(0, 10**6),
    window=st.sampled_from([2, 3, 5]),
)
def test_whatever_comes_in_finite_persons_come_out(counts, seed, window):
    rng = np.random.default_rng(seed)
    poses = []
    for count in counts:
        persons = np.zeros((count, 17, 3))
        for pose in persons:
            pose[:] = person(*rng.uniform(-50, 300, 2), score=rng.random())
            pose[rng.random(17) < 0.4] = 0
            pose[:, :2] *= rng.choice([1, 1, 1, 0, 100])
        poses.append(persons)
    refined = refine(poses, still(len(poses)), window=window)
    for frame, persons in zip(refined, poses, strict=True):
        sources = [p.source for p in frame if p.source is not None]
        assert sources == sorted(set(sources))
        assert len(sources) <= len(persons)
        for found in frame:
            assert np.isfinite(found.keypoints).all()
            assert len(found.reasons) == 17
            absent = found.actions == JointAction.ABSENT
            assert (found.keypoints[~absent, 2] > 0).all()
