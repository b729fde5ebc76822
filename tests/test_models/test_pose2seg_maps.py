"""Skeleton maps: exact where it can be said by hand, and equal to a loop over pixels."""

import math

import pytest
import torch

from mmselfhuman.models.pose2seg import CHANNELS, NUM_CHANNELS, draw_skeleton_maps, poses_from_coco
from mmselfhuman.models.pose2seg.skeleton_maps import JOINT_PARTS, LIMB_PARTS, PARTS
from mmselfhuman.structures import JOINT_INDEX, JOINTS, LIMBS, MIRRORED

SIZE = (12, 16)


def nobody(count: int = 1) -> torch.Tensor:
    return torch.zeros(count, 17, 3)


def with_joints(**places: tuple[float, float]) -> torch.Tensor:
    pose = nobody()
    for joint, (x, y) in places.items():
        pose[0, JOINT_INDEX[joint]] = torch.tensor([x, y, 1.0])
    return pose


def random_persons(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    poses = torch.rand(count, 17, 3, generator=rng) * torch.tensor([20.0, 16.0, 1.0]) - torch.tensor([2.0, 2.0, 0.0])
    return poses, torch.randint(0, 3, (count, 17), generator=rng)


def channel(name: str) -> int:
    return CHANNELS.index(name)


def test_a_joint_is_a_gaussian_of_the_distance_in_pixels() -> None:
    maps = draw_skeleton_maps(with_joints(left_wrist=(5, 4)), SIZE, joint_sigma=2.0)
    arms = maps[0, channel("visible joints: arms")]
    assert arms[4, 5] == 1
    assert arms[4, 7] == pytest.approx(math.exp(-0.5))
    assert arms[7, 9] == pytest.approx(math.exp(-25 / 8))
    assert maps[0].count_nonzero() == arms.count_nonzero()


def test_a_limb_is_as_bright_all_along_and_no_longer_than_it_is() -> None:
    maps = draw_skeleton_maps(with_joints(left_wrist=(4, 6), left_elbow=(10, 6)), SIZE, limb_sigma=1.5)
    limbs = maps[0, channel("visible limbs: arms")]
    assert (limbs[6, 4:11] == 1).all()
    assert limbs[8, 7] == pytest.approx(math.exp(-4 / 4.5))
    assert limbs[6, 12] == pytest.approx(math.exp(-4 / 4.5))


def test_a_hidden_joint_and_the_limbs_that_end_in_it_are_in_channels_of_their_own() -> None:
    pose = with_joints(left_hip=(3, 2), left_knee=(3, 6), left_ankle=(3, 10))
    visibility = torch.where(pose[..., 2] > 0, 2, 0)
    visibility[0, JOINT_INDEX["left_ankle"]] = 1
    maps = draw_skeleton_maps(pose, SIZE, visibility)[0]
    shown = {name for name, values in zip(CHANNELS, maps, strict=True) if (values == 1).any()}
    assert shown == {
        "visible joints: trunk",
        "visible joints: legs",
        "hidden joints",
        "visible limbs: legs",
        "hidden limbs",
    }
    assert maps[channel("hidden limbs"), 8, 3] == 1
    assert maps[channel("visible limbs: legs"), 4, 3] == 1
    assert maps[channel("visible limbs: legs"), 8, 3] < 1


def test_others_are_never_in_the_channels_of_the_person() -> None:
    poses, visibility = random_persons(3)
    alone = draw_skeleton_maps(poses[:1], SIZE, visibility[:1])
    others = {"others": poses[1:], "others_visibility": visibility[1:]}
    beside = draw_skeleton_maps(poses[:1], SIZE, visibility[:1], **others, beside=torch.tensor([0, 0]))
    assert torch.equal(alone[:, :10], beside[:, :10])
    assert not alone[:, 10:].any()
    assert beside[:, 10:].amax((0, 2, 3)).gt(0.5).all()


def test_a_joint_that_is_not_there_leaves_no_trace_wherever_it_is_said_to_be() -> None:
    pose = nobody()
    pose[0, :, :2] = torch.nan
    assert not draw_skeleton_maps(pose, SIZE).any()
    pose[0, :, 2] = 1
    pose[0, :, :2] = 3
    assert not draw_skeleton_maps(pose, SIZE, torch.zeros(1, 17)).any()


@pytest.mark.parametrize("portion", [1, 2**25])
def test_equals_a_loop_over_pixels(portion: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmselfhuman.models.pose2seg.skeleton_maps._MAP_BYTES", portion)
    poses, visibility = random_persons(5)
    beside = torch.tensor([1, 0, 1])
    maps = draw_skeleton_maps(poses[:2], SIZE, visibility[:2], poses[2:], visibility[2:], beside, 2.5, 1.5)
    wanted = torch.zeros_like(maps)
    for person in range(2):
        paint(wanted[person], poses[person], visibility[person], own=True)
        for other in (i for i, picture in enumerate(beside.tolist()) if picture == person):
            paint(wanted[person], poses[2 + other], visibility[2 + other], own=False)
    torch.testing.assert_close(maps, wanted, rtol=0, atol=1e-4)


def paint(picture: torch.Tensor, pose: torch.Tensor, visibility: torch.Tensor, own: bool) -> None:
    seen = [int(v) if score > 0 else 0 for v, score in zip(visibility, pose[:, 2], strict=True)]
    for joint, point in enumerate(pose[:, :2]):
        if seen[joint]:
            brighten(picture[((JOINT_PARTS[joint], 4) if own else (10, 11))[2 - seen[joint]]], point[None], 2.5)
    for limb, (a, b) in enumerate(LIMBS):
        if min(seen[a], seen[b]):
            points = pose[a, :2] + torch.linspace(0, 1, 2001)[:, None] * (pose[b, :2] - pose[a, :2])
            place = (5 + LIMB_PARTS[limb], 9) if own else (12, 13)
            brighten(picture[place[2 - min(seen[a], seen[b])]], points, 1.5)


def brighten(picture: torch.Tensor, points: torch.Tensor, sigma: float) -> None:
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            distance = float((points - torch.tensor([x, y])).norm(dim=1).min())
            picture[y, x] = max(float(picture[y, x]), math.exp(-0.5 * (distance / sigma) ** 2))


def test_the_maps_of_a_mirrored_person_are_the_mirrored_maps() -> None:
    poses, visibility = random_persons(1)
    mirrored = poses.clone()
    mirrored[..., 0] = SIZE[1] - 1 - mirrored[..., 0]
    swapped = list(MIRRORED)
    flipped = draw_skeleton_maps(mirrored[:, swapped], SIZE, visibility[:, swapped])
    torch.testing.assert_close(flipped.flip(-1), draw_skeleton_maps(poses, SIZE, visibility), rtol=0, atol=1e-5)


def test_parts_hold_the_limbs_that_lead_to_them() -> None:
    parts = {JOINTS[a] + "-" + JOINTS[b]: PARTS[p] for (a, b), p in zip(LIMBS, LIMB_PARTS, strict=True)}
    assert parts["left_shoulder-left_elbow"] == "arms"
    assert parts["left_knee-left_hip"] == "legs"
    assert parts["left_shoulder-left_hip"] == "trunk"
    assert parts["left_ear-left_shoulder"] == "head"


def test_no_person_gives_no_map() -> None:
    assert draw_skeleton_maps(nobody(0), SIZE).shape == (0, NUM_CHANNELS, *SIZE)


def test_coco_keypoints_split_into_poses_and_visibility() -> None:
    keypoints = nobody()
    keypoints[0, 3] = torch.tensor([5.0, 6.0, 1.0])
    poses, visibility = poses_from_coco(keypoints)
    assert poses[0, 3].tolist() == [5, 6, 1]
    assert visibility[0, 3] == 1
    assert visibility.sum() == 1
    assert poses[..., 2].sum() == 1


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"poses are \(17, 3\)"):
        draw_skeleton_maps(nobody()[0], SIZE)
    with pytest.raises(ValueError, match="visibility of poses"):
        draw_skeleton_maps(nobody(), SIZE, torch.zeros(2, 17))
    with pytest.raises(ValueError, match="come together"):
        draw_skeleton_maps(nobody(), SIZE, others=nobody())
