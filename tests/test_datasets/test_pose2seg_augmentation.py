"""What is pasted, turned and spoiled in samples of Pose2Seg, and that everything said of them stays true."""

import numpy as np
import pytest
from pose2seg_toys import dataset, standing
from pycocotools import mask as coco_mask

from mmselfhuman.datasets.transforms import (
    BendLimbs,
    LoadPersonImage,
    PastePerson,
    PasteThing,
    RotateFrame,
    SpoilImage,
)
from mmselfhuman.structures import JOINT_INDEX, JOINTS, Person


class TestPasting:
    def pasted(self, *persons: Person, seed: int = 0, **settings: float) -> tuple[dict, dict]:
        """The first sample as it is, and with somebody pasted."""
        data = dataset(*persons)
        np.random.seed(seed)  # noqa: NPY002
        before = LoadPersonImage()({**data.get_data_info(0), "img": data.source.image(0)})
        return before, PastePerson(**{"prob": 1.0, **settings})({**before, "draw": data.draw})

    def test_never_without_chance(self) -> None:
        before, after = self.pasted(standing(1, 20), prob=0.0)
        assert after["poses"] is before["poses"]

    def test_somebody_else_is_added_and_what_is_covered_is_hidden(self) -> None:
        fronts, behinds = 0, 0
        for seed in range(24):
            before, after = self.pasted(standing(1, 20), seed=seed, shift=(0.3, 0.3))
            if after["poses"] is before["poses"]:
                continue
            mask = {key: coco_mask.decode(sample["person_mask"]) for key, sample in (("old", before), ("new", after))}
            changed = (after["img"] != before["img"]).any(-1)
            assert after["poses"].shape == (2, 17, 3)
            assert after["areas"].shape == (2,)
            covered = mask["old"] > mask["new"]
            x, y = after["poses"][0, :, :2].astype(int).T
            assert np.array_equal(after["visibility"][0] == 1, covered[y, x])
            if covered.any():
                fronts += 1
                assert (after["visibility"][1] != 1).all()
            else:
                behinds += 1
                assert not (changed & (mask["old"] > 0)).any()
        assert fronts >= 3
        assert behinds >= 3

    def test_joints_lie_on_the_person_that_was_pasted(self) -> None:
        settings = {"shift": (0.0, 0.0), "scale_range": (1.0, 1.0), "least_seen": 0.0}
        samples = [self.pasted(standing(1, 5), standing(2, 45), seed=seed, **settings)[1] for seed in range(6)]
        placed = [sample["poses"] for sample in samples if len(sample["poses"]) == 3]
        assert placed
        for poses in placed:
            np.testing.assert_allclose(poses[2], poses[0], atol=1e-3)

    def test_interlaced_persons_are_each_in_front_somewhere(self) -> None:
        both = 0
        for seed in range(24):
            before, after = self.pasted(standing(1, 20), seed=seed, shift=(0.2, 0.2), interlaced=1.0)
            if after["poses"] is before["poses"]:
                continue
            old, new = (coco_mask.decode(sample["person_mask"]) > 0 for sample in (before, after))
            assert np.array_equal(after["img"][new], before["img"][new])
            x, y = after["poses"][..., :2].round().astype(int).transpose(2, 0, 1)
            assert np.array_equal(after["visibility"][0] == 1, (old & ~new)[y, x][0])
            # Where the other's joint is seen, the person is not.
            assert not ((after["visibility"][1] == 2) & new[y, x][1]).any()
            both += (old & ~new).any() and (after["visibility"][1] == 1).any()
        assert both >= 3

    def test_a_person_of_whom_too_little_would_be_seen_stays(self) -> None:
        for seed in range(8):
            before, after = self.pasted(standing(1, 20), seed=seed, shift=(0.0, 0.0), least_seen=0.9)
            mask = coco_mask.decode(after["person_mask"])
            assert mask.sum() >= 0.9 * coco_mask.area(before["person_mask"])
            assert after["visibility"].shape[0] == after["poses"].shape[0] == after["areas"].shape[0]

    def test_joints_outside_the_frame_are_not_there(self) -> None:
        _, after = self.pasted(standing(1, 1), seed=4, shift=(0.9, 0.9))
        outside = (after["poses"][..., :2] < 0).any(-1)
        assert not outside.any()
        assert np.array_equal(after["visibility"] > 0, after["poses"][..., 2] > 0)


def with_arms() -> Person:
    """A trunk of 8 x 16 pixels with both arms held out, 3 pixels wide and 10 long."""
    mask = np.zeros((40, 60), np.uint8, order="F")
    mask[10:26, 26:34] = mask[10:13, 16:44] = 1
    joints = {"shoulder": (26, 11), "elbow": (21, 11), "wrist": (17, 11), "hip": (27, 24), "knee": (27, 25)}
    keypoints = np.zeros((17, 3), np.float32)
    for name, (x, y) in joints.items():
        keypoints[JOINT_INDEX[f"left_{name}"]] = x, y, 2
        keypoints[JOINT_INDEX[f"right_{name}"]] = 59 - x, y, 2
    return Person(1, (16, 10, 28, 16), 200.0, coco_mask.encode(mask), keypoints)


class TestBending:
    def bent(self, person: Person, seed: int = 0, **settings: float) -> tuple[dict, dict]:
        data = dataset(person)
        np.random.seed(seed)  # noqa: NPY002
        before = LoadPersonImage()({**data.get_data_info(0), "img": data.source.image(0)})
        return before, BendLimbs(**{"prob": 1.0, **settings})(dict(before))

    def test_never_without_chance(self) -> None:
        before, after = self.bent(with_arms(), prob=0.0)
        assert all(after[key] is before[key] for key in ("img", "person_mask", "poses", "visibility"))

    @pytest.mark.parametrize("seed", range(6))
    def test_arms_turn_with_their_joints_and_legs_without_ankles_stay(self, seed: int) -> None:
        before, after = self.bent(with_arms(), seed=seed, degrees=50.0)
        old, new = (coco_mask.decode(sample["person_mask"]) > 0 for sample in (before, after))
        moved = (after["poses"] != before["poses"]).any(-1)[0]
        names = {JOINTS[joint].split("_")[1] for joint in np.flatnonzero(moved)}
        assert "wrist" in names <= {"elbow", "wrist"}
        for joint in np.flatnonzero(moved):
            x, y = after["poses"][0, joint, :2].round().astype(int)
            assert new[y, x]
        assert new.sum() == pytest.approx(old.sum(), rel=0.15)
        for side in ("left", "right"):
            shoulder, elbow, wrist = (
                np.stack([sample["poses"][0, JOINT_INDEX[f"{side}_{joint}"], :2] for sample in (before, after)])
                for joint in ("shoulder", "elbow", "wrist")
            )
            for ends in ((shoulder, elbow), (elbow, wrist)):
                lengths = np.linalg.norm(ends[0] - ends[1], axis=-1)
                assert lengths[0] == pytest.approx(lengths[1], abs=1e-3)

    def test_what_a_limb_left_is_the_persons_no_more_and_shows_what_is_beside(self) -> None:
        before, after = self.bent(with_arms(), seed=1, degrees=50.0)
        left = coco_mask.decode(before["person_mask"]) > coco_mask.decode(after["person_mask"])
        assert left.sum() > 5
        assert (after["img"][left] != before["img"][left]).any(-1).all()

    def test_hidden_limbs_stay(self) -> None:
        person = with_arms()
        person.keypoints[[JOINT_INDEX["left_elbow"], JOINT_INDEX["right_wrist"]], 2] = 1
        for seed in range(4):
            before, after = self.bent(person, seed=seed, degrees=50.0)
            assert all(np.array_equal(after[key], before[key]) for key in ("img", "person_mask", "poses", "visibility"))


class TestRotation:
    def turned(self, *persons: Person, seed: int = 0, **settings: float) -> tuple[dict, dict]:
        data = dataset(*persons)
        np.random.seed(seed)  # noqa: NPY002
        before = LoadPersonImage()({**data.get_data_info(0), "img": data.source.image(0)})
        return before, RotateFrame(**{"prob": 1.0, **settings})(dict(before))

    def test_by_nothing_nothing_changes(self) -> None:
        before, after = self.turned(standing(1, 20), standing(2, 30), degrees=0.0)
        assert np.array_equal(before["img"], after["img"])
        assert before["person_mask"] == after["person_mask"]
        np.testing.assert_allclose(before["poses"], after["poses"], atol=1e-4)

    @pytest.mark.parametrize("seed", range(6))
    def test_joints_stay_on_what_they_were_on(self, seed: int) -> None:
        before, after = self.turned(standing(1, 25), standing(2, 40, crowd=True), seed=seed, degrees=90.0)
        mask = coco_mask.decode(after["person_mask"])
        there = after["poses"][0, :, 2] > 0
        x, y = after["poses"][0, there, :2].round().astype(int).T
        assert mask[y, x].mean() > 0.9
        ys, xs = np.nonzero(mask[2:-2, 2:-2])
        # The image's second channel rises with the column and its first with the row, both by 4.
        gradient = np.gradient(after["img"][18:22, 28:34, :2].astype(float), axis=(0, 1))
        assert np.hypot(gradient[0][..., 1], gradient[1][..., 1]).mean() == pytest.approx(4, abs=0.7)
        assert len(ys) == len(xs) > 150
        assert len(after["ignored_masks"]) == len(before["ignored_masks"]) == 1

    def test_joints_that_leave_the_frame_are_not_there(self) -> None:
        person = standing(1, 1)
        person.keypoints[0, :2] = 0, 39
        for seed in range(8):
            _, after = self.turned(person, seed=seed, degrees=60.0)
            inside = (after["poses"][0, :, :2] >= 0).all(-1)
            assert inside.all()
            assert np.array_equal(after["visibility"][0] > 0, after["poses"][0, :, 2] > 0)


class TestThings:
    def covered(self, seed: int, **settings: float) -> tuple[dict, dict]:
        data = dataset(standing(1, 20), standing(2, 24))
        np.random.seed(seed)  # noqa: NPY002
        before = LoadPersonImage()({**data.get_data_info(0), "img": data.source.image(0)})
        return before, PasteThing(**{"prob": 1.0, **settings})({**before, "draw": data.draw})

    def test_what_is_covered_is_no_longer_the_persons_and_joints_under_it_are_hidden(self) -> None:
        hidden = 0
        for seed in range(12):
            before, after = self.covered(seed)
            old, new = (coco_mask.decode(sample["person_mask"]) > 0 for sample in (before, after))
            assert not (new & ~old).any()
            assert (after["img"] == before["img"])[new].all()
            x, y = after["poses"][0, :, :2].astype(int).T
            assert np.array_equal(after["visibility"][0] == 1, (old & ~new)[y, x])
            assert np.array_equal(after["poses"], before["poses"])
            hidden += (after["visibility"] == 1).sum()
        assert hidden > 0

    def test_enough_of_the_person_stays(self) -> None:
        for seed in range(8):
            before, after = self.covered(seed, least_seen=0.8)
            assert coco_mask.area(after["person_mask"]) >= 0.8 * coco_mask.area(before["person_mask"])

    def test_never_without_chance(self) -> None:
        before, after = self.covered(0, prob=0.0)
        assert after["img"] is before["img"]


class TestSpoiling:
    def spoiled(self, image: np.ndarray, seed: int = 0, **settings: float) -> np.ndarray:
        np.random.seed(seed)  # noqa: NPY002
        return SpoilImage(**settings)({"img": image})["img"]

    def test_without_chance_and_noise_nothing_changes(self) -> None:
        image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
        assert np.array_equal(self.spoiled(image, blur=0.0, noise=0.0), image)

    @pytest.mark.parametrize("seed", range(6))
    def test_a_blur_spreads_a_point_and_keeps_its_light(self, seed: int) -> None:
        image = np.zeros((41, 41, 3), np.uint8)
        image[20, 20] = 255
        blurred = self.spoiled(image, seed, blur=1.0, extent=0.15, noise=0.0)
        ys, xs = np.nonzero(blurred[..., 0])
        assert np.hypot(ys - 20, xs - 20).max() <= 0.15 * 41 / 2 + 1.5
        assert int(blurred[..., 0].sum()) == pytest.approx(255, abs=0.6 * len(ys) + 1)
        assert blurred.dtype == np.uint8

    def test_noise_has_no_more_than_its_deviation(self) -> None:
        grey = np.full((64, 64, 3), 128, np.uint8)
        deviations = [self.spoiled(grey, seed, blur=0.0, noise=10.0).std() for seed in range(8)]
        assert max(deviations) < 10.5
        assert max(deviations) > 3
