"""Samples of Pose2Seg: one person each, poses made wrong, crops, targets and skeleton maps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from pose2seg_toys import HEIGHT, WIDTH, Room, dataset, rectangle, standing

from mmselfhuman.datasets import PersonPose2SegDataset, PseudoLabels, SyntheticPeople
from mmselfhuman.datasets.transforms import AddSkeletonMaps, CropPerson, LoadPersonImage, PoseNoise
from mmselfhuman.models.pose2seg import CHANNELS, crop_skeleton_maps
from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import JOINT_INDEX, MIRRORED, SIGMAS, Person, PseudoLabel, PseudoPerson


def test_a_sample_is_a_person_with_mask_and_joint_who_is_no_crowd() -> None:
    nowhere = np.zeros((17, 3), np.float32)
    data = dataset(
        standing(1, 5),
        standing(2, 15, crowd=True),
        standing(3, 25, mask=None),
        standing(4, 35, keypoints=None),
        standing(5, 40, keypoints=nowhere),
        standing(6, 45),
    )
    assert [data.get_data_info(i)["id"] for i in range(len(data))] == [1, 6]


def test_a_sample_knows_everybodys_pose_and_what_is_to_be_ignored() -> None:
    hidden = standing(1, 5)
    hidden.keypoints[3, 2] = 1
    hidden.keypoints[4] = 0
    info = dataset(hidden, standing(2, 20, crowd=True), standing(3, 30, mask=None)).get_data_info(0)
    assert info["poses"].shape == (3, 17, 3)
    assert info["poses"][0, [2, 3, 4], 2].tolist() == [1, 1, 0]
    assert info["visibility"][0, [2, 3, 4]].tolist() == [2, 1, 0]
    assert not info["poses"][1].any()
    assert info["poses"][2, :, 2].all()
    assert len(info["ignored_masks"]) == 2
    assert hidden.keypoints[3, 2] == 1


def test_the_target_is_the_person_and_not_those_beside() -> None:
    crop = CropPerson(size=(40, 40), context=1.0, min_side=40)
    me, other, crowd = standing(1, 20), standing(2, 26, mask=rectangle(30, 5, 6, 24)), rectangle(36, 5, 4, 24)
    sample = dataset(me, other, standing(3, 36, mask=crowd, crowd=True), pipeline=(LoadPersonImage(), crop))[0]
    x, y, w, h = sample["region"]
    assert (w, h) == (40, 40)
    inside = {
        name: sample["gt_seg_map"][round(17 - y), round(column - x)]
        for name, column in (("me", 25), ("other", 32), ("crowd", 38), ("nobody", 15))
    }
    assert inside == {"me": 1, "other": 0, "crowd": 255, "nobody": 0}
    assert (sample["gt_seg_map"] == 1).sum() == 240
    assert sample["img"].shape == (40, 40, 3)
    assert sample["frame_shape"] == (HEIGHT, WIDTH)


def test_image_and_target_are_cut_alike() -> None:
    crop = CropPerson(size=(30, 20), context=1.0, min_side=20, scale_range=(0.8, 1.3), shift=0.2)
    np.random.seed(3)  # noqa: NPY002
    sample = dataset(standing(1, 20), pipeline=(LoadPersonImage(), crop))[0]
    assert sample["img"].shape == (20, 30, 3)
    x, y, w, h = sample["region"]
    assert w / h == pytest.approx(1.5)
    # The image's second channel says the column, its first the row, four times.
    row, column = 10, 14
    assert sample["img"][row, column, 1] / 4 == pytest.approx(x + (column + 0.5) * w / 30 - 0.5, abs=0.3)
    assert sample["img"][row, column, 0] / 4 == pytest.approx(y + (row + 0.5) * h / 20 - 0.5, abs=0.3)
    columns = np.flatnonzero(sample["gt_seg_map"][10] == 1)
    assert columns[0] == pytest.approx((20 - x) / w * 30, abs=1)
    assert columns[-1] == pytest.approx((30 - x) / w * 30 - 1, abs=1)


def test_maps_come_behind_the_image_and_are_those_of_the_algorithm() -> None:
    pipeline = (LoadPersonImage(), CropPerson(size=(32, 32)), AddSkeletonMaps(joint_sigma=2.0, stride=2))
    data = dataset(standing(1, 20), standing(2, 24), pipeline=pipeline)
    sample = data[1]
    assert sample["img"].shape == (32, 32, 3 + len(CHANNELS))
    wanted = crop_skeleton_maps(
        torch.from_numpy(sample["poses"]),
        torch.from_numpy(sample["region"])[None],
        (32, 32),
        torch.tensor([1]),
        joint_sigma=2.0,
        stride=2,
    )
    assert np.array_equal(sample["img"][..., 3:].transpose(2, 0, 1), wanted[0].numpy())
    assert sample["img"][..., 3 + CHANNELS.index("others' visible joints")].max() > 0.5


def test_a_mirrored_picture_has_the_maps_of_the_mirrored_person() -> None:
    crop = CropPerson(size=(32, 32))
    with DefaultScope.overwrite_default_scope("mmselfhuman"):
        flip = {"type": "RandomFlip", "prob": 1.0}
        flipped = dataset(standing(1, 20), pipeline=(LoadPersonImage(), crop, AddSkeletonMaps(), flip))[0]["img"]
    mirrored = standing(1, 20)
    mirrored.keypoints[:, 0] = 49 - mirrored.keypoints[:, 0]
    info = dataset(replace(mirrored, keypoints=mirrored.keypoints[list(MIRRORED)])).get_data_info(0)
    info["img"] = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    drawn = Compose([crop, AddSkeletonMaps()])(info)["img"]
    np.testing.assert_allclose(flipped[..., 3:], drawn[..., 3:], atol=1e-4)


class TestNoise:
    def noisy(self, *persons: Person, seed: int = 0, **settings: float) -> tuple[dict, dict]:
        """A sample before and after; all chances are 0 but those given."""
        still = dict.fromkeys(
            ("drop", "drop_hidden", "jitter", "mirror", "steal", "miss_others", "forget_visibility"), 0.0
        )
        data = dataset(*persons)
        np.random.seed(seed)  # noqa: NPY002
        return data.get_data_info(0), PoseNoise(**{**still, **settings})(data.get_data_info(0))

    def test_without_chances_nothing_changes(self) -> None:
        before, after = self.noisy(standing(1, 5), standing(2, 20))
        assert np.array_equal(before["poses"], after["poses"])
        assert np.array_equal(before["visibility"], after["visibility"])

    def test_a_share_of_the_samples_stays_as_it_is(self) -> None:
        same = 0
        for seed in range(100):
            before, after = self.noisy(standing(1, 5), standing(2, 20), seed=seed, jitter=1.0, prob=0.7)
            same += np.array_equal(before["poses"], after["poses"])
        assert 18 <= same <= 42

    def test_the_same_seed_gives_the_same_noise(self) -> None:
        first, second, third = (PoseNoise, 1), (PoseNoise, 1), (PoseNoise, 2)
        poses = []
        for kind, seed in (first, second, third):
            np.random.seed(seed)  # noqa: NPY002
            poses.append(kind()(dataset(standing(1, 5), standing(2, 20)).get_data_info(0))["poses"])
        assert np.array_equal(poses[0], poses[1])
        assert not np.array_equal(poses[0], poses[2])

    def test_jitter_of_1_gives_a_mean_oks_of_a_half(self) -> None:
        before, _ = self.noisy(standing(1, 5))
        noise, similarity = PoseNoise(0, 0, 1.0, 0, 0, 0, 0), []
        for _ in range(60):
            squares = ((noise(dict(before))["poses"] - before["poses"])[0, :, :2] ** 2).sum(-1)
            similarity.append(np.exp(-squares / (2 * 240 * (2 * SIGMAS) ** 2)).mean())
        assert np.mean(similarity) == pytest.approx(0.5, abs=0.05)

    def test_dropping_everything_leaves_the_person_one_joint(self) -> None:
        _, after = self.noisy(standing(1, 5), standing(2, 20), drop=1.0)
        assert (after["visibility"] > 0).sum(1).tolist() == [1, 0]
        assert after["poses"][..., 2].sum() == 1

    def test_hidden_joints_have_a_chance_of_their_own(self) -> None:
        person = standing(1, 5)
        person.keypoints[:8, 2] = 1
        _, after = self.noisy(person, drop_hidden=1.0)
        assert (after["visibility"][0] > 0).tolist() == [False] * 8 + [True] * 9

    def test_others_can_be_missed_but_not_the_person(self) -> None:
        _, after = self.noisy(standing(1, 5), standing(2, 20), standing(3, 30), miss_others=1.0)
        assert after["poses"][..., 2].sum(1).tolist() == [17, 0, 0]

    def test_a_fragment_is_one_side_of_the_person_and_the_rest_is_nobody_or_somebody_else(self) -> None:
        shares, extra = [], 0
        for seed in range(12):
            before, after = self.noisy(standing(1, 5), standing(2, 20), seed=seed, fragment=1.0)
            kept = after["visibility"][0] > 0
            shares.append(kept.mean())
            assert np.array_equal(after["poses"][0, kept], before["poses"][0, kept])
            assert np.array_equal(after["poses"][1], before["poses"][1])
            assert len(after["poses"]) == len(after["visibility"]) == len(after["areas"])
            if len(after["poses"]) == 3:
                extra += 1
                assert np.array_equal(after["poses"][2, ~kept], before["poses"][0, ~kept])
                assert not after["visibility"][2, kept].any()
            apart = [np.array([np.cos(a), np.sin(a)]) for a in np.arange(0, 2 * np.pi, 0.02)]
            inside, outside = (before["poses"][0, chosen, :2] for chosen in (kept, ~kept))
            assert any((inside @ way).max() <= (outside @ way).min() for way in apart)
        assert 0.3 < min(shares) < max(shares) < 0.7
        assert 2 <= extra <= 10

    def test_mirroring_takes_both_of_a_pair(self) -> None:
        person = standing(1, 5)
        person.keypoints[JOINT_INDEX["left_wrist"], 2] = 1
        before, after = self.noisy(person, mirror=1.0)
        assert np.array_equal(after["poses"][0], before["poses"][0, list(MIRRORED)])
        assert after["visibility"][0, JOINT_INDEX["right_wrist"]] == 1

    def test_stolen_joints_lie_where_another_who_is_near_has_them(self) -> None:
        before, after = self.noisy(standing(1, 5), standing(2, 20), steal=1.0)
        assert np.array_equal(after["poses"][0, :, :2], before["poses"][1, :, :2])
        far_before, far_after = self.noisy(standing(1, 5), standing(2, 45), steal=1.0)
        assert np.array_equal(far_before["poses"], far_after["poses"])
        alone_before, alone_after = self.noisy(standing(1, 5), steal=1.0)
        assert np.array_equal(alone_before["poses"], alone_after["poses"])

    def test_forgetting_makes_hidden_joints_visible(self) -> None:
        person = standing(1, 5)
        person.keypoints[:8, 2] = 1
        person.keypoints[9] = 0
        _, after = self.noisy(person, forget_visibility=1.0)
        assert sorted(set(after["visibility"][0].tolist())) == [0, 2]
        assert (after["visibility"] > 0).sum() == 16


def test_synthetic_people_have_samples_for_everybody() -> None:
    source = SyntheticPeople("target_test", num_images=4)
    assert len(PersonPose2SegDataset(source, test_mode=True)) == sum(len(source[i].persons) for i in range(4))


def test_pseudo_labels_are_learned_as_labels_are(tmp_path: Path) -> None:
    store = PseudoLabelStore(tmp_path)
    pose = standing(1, 20).keypoints
    pose[:, 2] = 0.8
    visibility = np.where(np.arange(17) < 5, 1, 2).astype(np.uint8)
    sure = PseudoPerson(0.9, rectangle(20, 5, 10, 24), pose, visibility)
    doubtful = PseudoPerson(0.2, rectangle(32, 5, 10, 24), pose)
    frames = [
        PseudoLabel(0, HEIGHT, WIDTH, Room().image(0), persons=(sure, doubtful)),
        PseudoLabel(1, HEIGHT, WIDTH, Room().image(0), persons=None),
    ]
    writer = store.begin_round(0, {})
    writer.write_clip("clip", frames)
    writer.commit()
    source = PseudoLabels(tmp_path, min_score=0.5)
    pipeline = (LoadPersonImage(), CropPerson(size=(40, 40), context=1.0, min_side=40), AddSkeletonMaps())
    data = PersonPose2SegDataset(source, pipeline)
    (sample,) = data
    assert sample["img"].shape == (40, 40, 17)
    assert (sample["gt_seg_map"] == 1).sum() == 240
    assert (sample["gt_seg_map"] == 255).any()
    assert sample["visibility"][0].tolist() == visibility.tolist()
