import numpy as np
import pytest
from gbsr_toys import SIZE, gliding, person, true_motion
from hypothesis import given, settings
from hypothesis import strategies as st

from mmselfhuman.models.gbsr.association import affinity, assign, mask_overlap, pose_similarity, track_persons
from mmselfhuman.models.gbsr.motion import ClipMotion, sample
from mmselfhuman.structures import MIRRORED


def frames_and_persons(tracks):
    return sorted(tuple(track.persons.items()) for track in tracks)


def still(frames: int) -> ClipMotion:
    return ClipMotion([np.zeros((2, *SIZE))] * (frames - 1))


def test_sampling_interpolates_and_clamps():
    field = np.array([[[0.0, 2.0], [4.0, 6.0]]])
    points = np.array([(0, 0), (0.5, 0), (0.5, 0.5), (-9, 0), (9, 9)])
    assert sample(field, points)[:, 0].tolist() == [0, 1, 3, 0, 6]


def test_points_follow_the_flow_step_by_step():
    right = np.zeros((2, 4, 8))
    right[0] = 2
    down_beyond_three = np.zeros((2, 4, 8))
    down_beyond_three[1, :, 4:] = 1
    motion = ClipMotion([right, down_beyond_three])
    np.testing.assert_array_equal(motion.carry(np.array([(3.0, 1.0), (0.0, 1.0)]), 0, 2), [(5, 2), (2, 1)])


def test_without_backward_flow_a_step_back_is_the_negative():
    flow = np.full((2, 4, 4), 0.5)
    np.testing.assert_array_equal(ClipMotion([flow]).carry(np.array([1.0, 1.0]), 1, 0), (0.5, 0.5))
    assert ClipMotion([flow]).round_trip_error(np.array([1.0, 1.0]), 0, 1) == 0


@pytest.mark.parametrize(
    ("forward", "backward", "message"),
    [
        ([np.zeros((3, 4, 4))], None, r"forward\[0\] must have shape \(2, H, W\), got \(3, 4, 4\)"),
        ([np.full((2, 4, 4), np.nan)], None, r"forward\[0\] must be finite"),
        ([np.zeros((2, 4, 4))], [], "got 1 forward flows but 0 backward"),
        ([np.zeros((2, 4, 4))], [np.zeros((2, 4, 5))], "one size"),
    ],
)
def test_wrong_flows_are_refused(forward, backward, message):
    with pytest.raises(ValueError, match=message):
        ClipMotion(forward, backward)


def test_a_frame_outside_the_clip_is_refused():
    with pytest.raises(IndexError, match="frames 0 to 1, asked for 2"):
        still(2).carry(np.zeros(2), 0, 2)


def test_similarity_is_coco_oks_over_common_joints():
    first, second = person(50), person(50)
    second[9, :2] += 12
    first[10, 2] = 0
    area = 48 * 101
    expected = (15 + np.exp(-288 / (2 * area * (2 * 0.062) ** 2))) / 16
    np.testing.assert_allclose(pose_similarity(first[None], second[None]), [[expected]], rtol=0.05)


def test_poses_without_a_common_joint_have_similarity_zero():
    first, second = person(50), person(50)
    first[:9, 2], second[9:, 2] = 0, 0
    assert pose_similarity(first[None], second[None]) == 0


def test_a_mirrored_pose_still_has_affinity():
    mirrored = person(50)[list(MIRRORED)]
    assert affinity(person(50)[None], mirrored[None]) > 0.5


def test_masks_overlap_by_intersection_over_union():
    masks = np.zeros((3, 1, 4), bool)
    masks[0, 0, :2], masks[1, 0, 1:3] = True, True
    np.testing.assert_allclose(mask_overlap(masks, masks), [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 0]], rtol=1e-6)


def test_assignment_maximises_the_total_and_says_how_close_the_rival_was():
    found = assign(np.array([[0.9, 0.8], [0.85, 0.1]]), threshold=0.2)
    assert found.pairs.tolist() == [[1, 0], [0, 1]]
    np.testing.assert_allclose(found.affinity, [0.85, 0.8])
    np.testing.assert_allclose(found.margin, [-0.05, -0.1])


def test_pairs_below_the_threshold_never_displace_a_good_one():
    # Ungated, (0, 1) and (1, 0) would total 0.36 against 0.3.
    found = assign(np.array([[0.3, 0.18], [0.18, 0.0]]), threshold=0.2)
    assert found.pairs.tolist() == [[0, 0]]


@pytest.mark.parametrize("shape", [(0, 0), (0, 2), (2, 0)])
def test_empty_sets_have_no_pairs(shape):
    assert assign(np.zeros(shape), 0.2).pairs.shape == (0, 2)


def test_persons_keep_their_identity_whatever_their_order_in_a_frame():
    poses = gliding([40, 150], [4, -3], 5)
    motion = true_motion(poses, [4, -3])
    for frame in (1, 4):
        poses[frame] = poses[frame][::-1]
    tracks = track_persons(poses, motion)
    assert [list(t.persons.values()) for t in tracks] == [[0, 1, 0, 0, 1], [1, 0, 1, 1, 0]]


def test_crossing_persons_are_not_exchanged():
    velocities = [9, -9]
    poses = gliding([60, 150], velocities, 11)
    tracks = track_persons(poses, true_motion(poses, velocities))
    assert [set(track.persons.values()) for track in tracks] == [{0}, {1}]
    assert all(len(track.persons) == 11 for track in tracks)


def test_the_margin_is_small_where_two_persons_stand_in_one_place():
    poses = [np.stack([person(100), person(103)])] * 2 + [np.stack([person(60), person(200)])] * 2
    apart, together = (track_persons(part, still(2)) for part in (poses[2:], poses[:2]))
    assert min(t.margin[1] for t in apart) > 0.6
    assert max(t.margin[1] for t in together) < 0.3


def test_entering_and_leaving_persons_begin_and_end_tracks():
    poses = [np.stack([person(50)]), np.stack([person(50), person(200)]), np.stack([person(200)])]
    assert frames_and_persons(track_persons(poses, still(3))) == [((0, 0), (1, 0)), ((1, 1), (2, 0))]


@pytest.mark.parametrize(("missed", "tracks"), [(1, 1), (2, 1), (3, 2)])
def test_a_gap_is_bridged_up_to_its_maximum(missed, tracks):
    poses = gliding([60], [8], missed + 3)
    motion = true_motion(poses, [8])
    for frame in range(2, 2 + missed):
        poses[frame] = np.zeros((0, 17, 3))
    assert len(track_persons(poses, motion, max_gap=2)) == tracks


def test_a_hidden_person_is_expected_where_it_was_going_not_where_the_occluder_goes():
    velocities = [9, -9]  # the second passes in front
    poses = gliding([60, 150], velocities, 11)
    motion = true_motion(poses, velocities)
    for frame in (5, 6):
        poses[frame] = poses[frame][1:]
    tracks = track_persons(poses, motion)
    assert [len(track.persons) for track in tracks] == [9, 11]


def test_a_teleport_is_two_persons():
    assert len(track_persons([person(50)[None], person(250)[None]], still(2))) == 2


def test_masks_tell_apart_whom_boxes_cannot():
    masks = np.zeros((2, *SIZE), bool)
    masks[0, 40:160, 80:105], masks[1, 40:160, 105:130] = True, True
    poses = [np.stack([person(105), person(106)]), np.stack([person(106), person(105)])]
    tracks = track_persons(poses, still(2), masks=[masks, masks])
    assert [track.persons[1] for track in tracks] == [0, 1]


def test_persons_without_joints_and_empty_frames_pass():
    nobody = np.zeros((1, 17, 3))
    tracks = track_persons([nobody, np.zeros((0, 17, 3)), nobody], still(3))
    assert frames_and_persons(tracks) == [((0, 0),), ((2, 0),)]


def test_fifty_persons_are_followed():
    crowd = np.stack([person(6 * k, 100 + 3 * (k % 5)) for k in range(50)])
    tracks = track_persons([crowd, crowd], still(2))
    assert [track.persons for track in tracks] == [{0: k, 1: k} for k in range(50)]


@pytest.mark.parametrize(
    ("poses", "masks", "message"),
    [
        ([np.zeros((1, 17, 3))], None, "poses of 1 frames but the motion of 2"),
        ([np.zeros((1, 16, 3))] * 2, None, r"poses\[0\] must have shape \(P, 17, 3\), got \(1, 16, 3\)"),
        ([np.zeros((1, 17, 3))] * 2, [np.zeros((1, 4, 4))], "poses of 2 frames but masks of 1"),
        ([np.zeros((1, 17, 3))] * 2, [np.zeros((2, 4, 4))] * 2, r"masks\[0\] must have shape \(1, H, W\)"),
    ],
)
def test_lists_that_do_not_fit_are_refused(poses, masks, message):
    with pytest.raises(ValueError, match=message):
        track_persons(poses, still(2), masks=masks)


@settings(max_examples=40, deadline=None)
@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=5), seed=st.integers(0, 10**6))
def test_every_person_is_in_exactly_one_track(counts, seed):
    rng = np.random.default_rng(seed)
    poses = [
        np.stack([person(*rng.uniform(0, 200, 2)) for _ in range(n)]) if n else np.zeros((0, 17, 3)) for n in counts
    ]
    for persons in poses:
        persons[..., 2] *= rng.random(persons.shape[:2]) > 0.4
    tracks = track_persons(poses, still(len(poses)))
    members = sorted(pair for track in tracks for pair in track.persons.items())
    assert members == [(frame, k) for frame, n in enumerate(counts) for k in range(n)]
