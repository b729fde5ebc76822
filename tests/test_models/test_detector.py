"""The instance segmenter: what three networks say, joined as by hand, in MMDetection's interface."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from detector_toys import GIVEN, SMALL, noise, random_poses, sample, tiny_config, tiny_detector
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmengine.runner import save_checkpoint
from mmseg.structures import SegDataSample
from pycocotools import mask as coco_mask
from torch import nn

from mmselfhuman.models.detectors.checkpoints import load_parts
from mmselfhuman.models.detectors.compose import compose_detector
from mmselfhuman.models.pose2seg import crop_skeleton_maps, cut, paste, person_regions
from mmselfhuman.models.pose2seg.crops import PersonCrops
from mmselfhuman.registry import MODELS, TRANSFORMS
from mmselfhuman.structures import MIRRORED
from mmselfhuman.utils import load_config

SIZE = (72, 96)
KEEP_ALL = {"same_pose": 2.0, "same_mask": 2.0, "min_pose_score": 0.0}


@pytest.fixture(autouse=True)
def scope() -> None:
    torch.set_num_threads(1)
    with DefaultScope.overwrite_default_scope("mmselfhuman"):
        yield


def predict(model: nn.Module, images: list, samples: list) -> list:
    return [one.pred_instances for one in model.test_step({"inputs": images, "data_samples": samples})]


def pose2seg_by_hand(detector: nn.Module, image: torch.Tensor, poses: torch.Tensor) -> torch.Tensor:
    """``(n, 2, H, W)`` whole frames of Pose2Seg's logits, person by person through mmseg's own ``test_step``."""
    head, frames = detector.pose2seg, []
    visibility = torch.full(poses.shape[:2], 2)
    for number in range(len(poses)):
        region = person_regions(poses[[number]], image.shape[-2:], None, head.context, 1.0, head.min_side)
        maps = crop_skeleton_maps(
            poses, region, head.size, torch.tensor([number]), visibility, joint_sigma=4.5, limb_sigma=3.0, stride=3
        )
        picture = torch.cat([cut(image, region, head.size, head.fill), maps], dim=1)[0]
        crop = SegDataSample(metainfo={"img_shape": head.size, "ori_shape": head.size})
        (result,) = head.segmentor.test_step({"inputs": [picture], "data_samples": [crop]})
        frames.append(paste(result.seg_logits.data[None], PersonCrops(picture[None], region), image.shape[-2:])[0])
    return torch.stack(frames)


@torch.no_grad()
def test_masks_are_the_sum_of_both_networks_logits() -> None:
    detector = tiny_detector(**KEEP_ALL)
    detector.seg._transforms = detector.seg._transforms[-1:]  # the frame as it is
    image, keypoints = noise(SIZE), random_poses(4, SIZE)
    (found,) = predict(detector, [image], [sample(keypoints, SIZE)])
    poses = torch.from_numpy(keypoints).clone()
    poses[..., 2] = 1
    whole = SegDataSample(metainfo={"img_shape": SIZE, "ori_shape": SIZE})
    (seg,) = detector.seg.segmentor.test_step({"inputs": [image], "data_samples": [whole]})
    total = seg.seg_logits.data + pose2seg_by_hand(detector, image, poses)  # eq. (10)
    expected = total.softmax(1)[:, 1]
    assert expected.gt(0.5).any()
    matched = 0
    for person in range(len(poses)):
        of_pose = [n for n in range(len(found)) if torch.allclose(found.keypoints[n], poses[person, :, :2], atol=1e-3)]
        mask = expected[person] > 0.5
        assert len(of_pose) == int(mask.any())
        for n in of_pose:
            # Both sides round: on a few pixels the sum is 0 to the last digit.
            assert (found.masks[n] != mask).sum() <= 2
            assert found.pixel_scores[n] == pytest.approx(float(expected[person][mask].mean()), abs=1e-3)
            matched += 1
    assert matched >= 2


@torch.no_grad()
def test_poses_are_the_estimators_own() -> None:
    detector = tiny_detector(SMALL, seed=3)
    image = noise((100, 140))
    results = {"img": image.permute(1, 2, 0).numpy(), "img_shape": (100, 140), "ori_shape": (100, 140), "id": 1}
    results["flip_indices"] = list(MIRRORED)
    for transform in (
        {"type": "mmpose.BottomupResize", "input_size": (128, 128), "size_factor": 16, "resize_mode": "expand"},
        {"type": "mmpose.PackPoseInputs"},
    ):
        results = TRANSFORMS.build(transform)(results)
    (result,) = detector.pose.estimator.test_step(pseudo_collate([results]))
    (poses,) = detector.pose([image])
    assert len(poses) == len(result.pred_instances.keypoints) > 0
    np.testing.assert_allclose(poses.keypoints[..., :2], result.pred_instances.keypoints, atol=1e-3)
    np.testing.assert_allclose(poses.keypoints[..., 2], np.clip(result.pred_instances.keypoint_scores, 0, 1), atol=1e-4)
    np.testing.assert_allclose(poses.scores, np.clip(result.pred_instances.bbox_scores, 0, 1), atol=1e-4)


class TestInterface:
    def test_predictions_are_mmdets_and_agree_with_each_other(self) -> None:
        detector, poses = tiny_detector(), random_poses(5, SIZE)
        (found,) = predict(detector, [noise(SIZE)], [sample(poses, SIZE)])
        n = len(found)
        assert n > 0
        assert found.masks.shape == (n, *SIZE)
        assert found.masks.dtype == torch.bool
        assert found.keypoints.shape == (n, 17, 2)
        assert found.keypoint_scores.shape == (n, 17)
        assert found.labels.tolist() == [0] * n
        assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
        for mask, box in zip(found.masks, found.bboxes, strict=True):
            rows, columns = mask.nonzero(as_tuple=True)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]

    def test_loss_says_what_to_train_instead(self) -> None:
        with pytest.raises(NotImplementedError, match="configs/pose2seg"):
            tiny_detector()([noise(SIZE)], [sample(random_poses(1, SIZE), SIZE)], mode="loss")

    def test_tensor_mode_gives_poses_and_logits(self) -> None:
        poses, logits = tiny_detector()([noise(SIZE)], [sample(random_poses(2, SIZE), SIZE)], mode="tensor")
        assert len(poses[0]) == 2
        assert logits[0].shape[0] == 2

    def test_padded_batches_are_cut_to_the_images(self) -> None:
        detector, image, given = tiny_detector(), noise(SIZE), random_poses(3, SIZE)
        padded = F.pad(image, (0, 32, 0, 24), value=99).float()[None]
        (alone,) = predict(detector, [image], [sample(given, SIZE)])
        (found,) = predict(detector, padded, [sample(given, SIZE)])
        assert torch.equal(found.masks, alone.masks)

    def test_results_are_in_pixels_of_the_original_image(self) -> None:
        detector, given = tiny_detector(**KEEP_ALL), random_poses(3, (144, 192))
        image = noise(SIZE)
        (found,) = predict(detector, [image], [sample(given, SIZE, ori_shape=(144, 192))])
        assert found.masks.shape[1:] == (144, 192)
        originals = [torch.from_numpy(one[:, :2]) for one in given]
        for points in found.keypoints:
            assert any(torch.allclose(points, one, atol=1e-2) for one in originals)
        small = detector.predict([image], [sample(given, SIZE, ori_shape=(144, 192))], rescale=False)[0].pred_instances
        assert small.masks.shape[1:] == SIZE
        shrunk = F.interpolate(found.masks.float()[None], SIZE, mode="area")[0] > 0.5
        assert (shrunk == small.masks).float().mean() > 0.9


class TestHowMany:
    def test_nobody(self) -> None:
        detector = tiny_detector()
        first, second = predict(
            detector, [noise(SIZE), noise((40, 50))], [sample([], SIZE), sample(random_poses(1, (40, 50)), (40, 50))]
        )
        assert first.masks.shape == (0, *SIZE)
        assert first.bboxes.shape == (0, 4)
        assert first.keypoints.shape == (0, 17, 2)
        assert len(second) == 1

    @pytest.mark.parametrize("mode", ["independent", "exclusive"])
    def test_a_hundred_and_more_in_bounded_portions(self, mode: str) -> None:
        detector = tiny_detector(fusion={"mode": mode}, pose2seg={"batch_size": 7}, **KEEP_ALL)
        largest = []
        forward = detector.pose2seg._predict
        detector.pose2seg._predict = lambda inputs: largest.append(len(inputs)) or forward(inputs)
        (found,) = predict(detector, [noise(SIZE)], [sample(random_poses(110, SIZE), SIZE)])
        assert max(largest) == 7  # of 100, the most that there may be
        assert sum(largest) == 100
        assert 0 < len(found) <= 100
        if mode == "exclusive":
            assert found.masks.sum(0).max() == 1

    def test_who_is_outside_or_has_one_pixel_does_no_harm(self) -> None:
        outside, tiny = random_poses(2, SIZE)
        outside[:, :2] += 5000
        tiny[:, :2] = 20
        (found,) = predict(tiny_detector(**KEEP_ALL), [noise(SIZE)], [sample([outside, tiny], SIZE)])
        assert len(found) <= 1
        assert found.scores.isfinite().all()

    def test_one_person_found_twice_is_one(self) -> None:
        pose = random_poses(1, SIZE)[0]
        twice = [pose, pose + np.array([0.5, 0, 0], np.float32)]
        for settings in ({"same_pose": 0.9}, {"same_mask": 0.7}):
            (found,) = predict(tiny_detector(**{**KEEP_ALL, **settings}), [noise(SIZE)], [sample(twice, SIZE)])
            assert len(found) == 1
        (both,) = predict(tiny_detector(**KEEP_ALL), [noise(SIZE)], [sample(twice, SIZE)])
        assert len(both) == 2


class TestGivenPoses:
    def test_hidden_joints_are_known_to_be_hidden(self) -> None:
        detector, given = tiny_detector(), random_poses(1, SIZE)
        given[0, :9, 2] = 1
        seen = []
        detector.pose2seg.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2]))
        predict(detector, [noise(SIZE)], [sample(given, SIZE)])
        assert seen[0].tolist() == [[1] * 9 + [2] * 8]

    def test_samples_without_poses_are_an_error_that_names_the_key(self) -> None:
        bare = sample([], SIZE)
        del bare.instances
        with pytest.raises(ValueError, match="name 'instances' in the meta_keys"):
            predict(tiny_detector(), [noise(SIZE)], [bare])

    def test_a_results_file_is_joined_by_file_name(self, tmp_path: Path) -> None:
        given = random_poses(2, SIZE)
        given[..., 2] = 0.9
        results = [
            {"image_id": 7, "category_id": 1, "score": score, "keypoints": pose.flatten().tolist()}
            for pose, score in zip(given, (0.8, 0.01), strict=True)
        ]
        (tmp_path / "poses.json").write_text(json.dumps(results))
        (tmp_path / "ann.json").write_text(json.dumps({"images": [{"id": 7, "file_name": "train/image.png"}]}))
        files = {"file": str(tmp_path / "poses.json"), "ann_file": str(tmp_path / "ann.json"), "min_score": 0.1}
        part = MODELS.build({"type": "StoredPoses", **files})
        (poses,) = part([noise(SIZE)], [sample([], SIZE, img_path="/data/image.png")])
        np.testing.assert_allclose(poses.keypoints[0], given[0], atol=1e-4)
        assert poses.scores.tolist() == pytest.approx([0.8])
        (nobody,) = part([noise(SIZE)], [sample([], SIZE, img_path="other.png")])
        assert len(nobody) == 0


class TestTopDown:
    def network(self) -> dict:
        config = load_config(SMALL.parents[1] / "pose/td-hm_small_1xb32-1k_synthetic-64x48.py").model
        config.backbone.update(stem_channels=8, base_channels=8)
        config.head.update(in_channels=64, deconv_out_channels=(8, 8, 8))
        return {"_scope_": "mmpose", **config}

    def test_every_box_gets_a_pose_in_it(self) -> None:
        part = MODELS.build({
            "type": "PoseModule", "estimator": self.network(), "boxes": {"type": "GivenBoxes"}, "batch_size": 2,
            "transforms": [
                {"type": "mmpose.GetBBoxCenterScale"}, {"type": "mmpose.TopdownAffine", "input_size": (48, 64)}],
        }).eval()  # fmt: skip
        given = random_poses(3, SIZE)
        (poses, nobody) = part([noise(SIZE), noise(SIZE)], [sample(given, SIZE), sample([], SIZE)])
        assert len(poses) == 3
        assert len(nobody) == 0
        for pose, annotated in zip(poses.keypoints, given, strict=True):
            centre = annotated[:, :2].min(0) / 2 + annotated[:, :2].max(0) / 2
            # most joints: random heatmaps have maxima that the decoder's refinement throws far
            assert np.median(np.abs(pose[:, :2].numpy() - centre)) < 32

    def test_without_boxes_it_looks_at_the_frame(self) -> None:
        part = MODELS.build({
            "type": "PoseModule", "estimator": self.network(),
            "transforms": [
                {"type": "mmpose.GetBBoxCenterScale"}, {"type": "mmpose.TopdownAffine", "input_size": (48, 64)}],
        }).eval()  # fmt: skip
        assert [len(one) for one in part([noise(SIZE)])] == [1]


def test_mirrored_views_are_put_together(tmp_path: Path) -> None:
    model = MODELS.build({"type": "PersonTTAModel", "module": tiny_detector(**KEEP_ALL)})
    given, image = random_poses(2, SIZE), noise(SIZE)
    views = [sample(given, SIZE, flip=False), sample(given, SIZE, flip=True, flip_direction="horizontal")]
    (result,) = model.test_step({"inputs": [[image], [image.flip(-1)]], "data_samples": [[one] for one in views]})
    found = result.pred_instances
    assert len(found) <= 2
    for points in found.keypoints:
        assert any(np.allclose(points, one[:, :2], atol=1e-2) for one in given)
    plain = predict(model.module, [image], [sample(given, SIZE)])[0]
    assert found.scores.max() >= plain.scores.max() - 1e-5


class TestBuilding:
    def test_three_checkpoints_or_one_give_the_same(self, tmp_path: Path) -> None:
        whole, other = tiny_detector(SMALL, seed=1), tiny_detector(SMALL, seed=2)
        files = {}
        for part, network in (
            ("pose", whole.pose.estimator), ("seg", whole.seg.segmentor), ("pose2seg", whole.pose2seg.segmentor)
        ):  # fmt: skip
            files[part] = str(tmp_path / f"{part}.pth")
            save_checkpoint({"state_dict": network.state_dict()}, files[part])
        load_parts(other, files)
        assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), other.parameters(), strict=True))

    def test_a_checkpoint_of_another_network_is_refused(self, tmp_path: Path) -> None:
        detector = tiny_detector(SMALL)
        save_checkpoint({"state_dict": detector.seg.segmentor.state_dict()}, str(tmp_path / "seg.pth"))
        with pytest.raises(ValueError, match=r"seg.pth is no checkpoint of the detector's pose network"):
            load_parts(detector, {"pose": str(tmp_path / "seg.pth")})
        with pytest.raises(ValueError, match="no part is named 'flow'"):
            load_parts(detector, {"flow": str(tmp_path / "seg.pth")})
        with pytest.raises(ValueError, match=r"has no network 'pose.estimator'"):
            load_parts(tiny_detector(GIVEN), {"pose": str(tmp_path / "seg.pth")})

    def test_three_configs_give_what_the_composed_one_says(self) -> None:
        configs = SMALL.parents[1]
        model = compose_detector(
            {
                "pose": str(configs / "pose/ae_small_1xb16-2k_synthetic-128x128.py"),
                "seg": str(configs / "seg/seg-small_1xb16-1k_synthetic-128x128.py"),
                "pose2seg": str(configs / "pose2seg/pose2seg-small_1xb16-800_synthetic-144x144.py"),
            },
            fusion={"mode": "exclusive"},
        )
        built, expected = MODELS.build(model), MODELS.build(load_config(SMALL).model)
        shapes = [{name: value.shape for name, value in one.state_dict().items()} for one in (built, expected)]
        assert shapes[0] == shapes[1]
        assert built.fusion.mode == "exclusive"
        assert (built.pose2seg.size, built.pose2seg.context) == (expected.pose2seg.size, expected.pose2seg.context)
        assert built.pose2seg.drawing == expected.pose2seg.drawing

    def test_a_top_down_config_of_mmposes_is_taken_as_it_is(self) -> None:
        configs = SMALL.parents[1]
        model = compose_detector(
            {
                "pose": str(configs / "pose/td-hm_small_1xb32-1k_synthetic-64x48.py"),
                "pose2seg": str(configs / "pose2seg/pose2seg-small_1xb16-1k_synthetic-96x96.py"),
            }
        )
        detector = MODELS.build(model).eval()
        assert detector.seg is None
        assert len(predict(detector, [noise(SIZE)], [sample([], SIZE)])) == 1

    def test_configs_of_installed_libraries_are_found(self) -> None:
        path = "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py"
        given = str(SMALL.parents[1] / "pose2seg/pose2seg-small_1xb16-1k_synthetic-96x96.py")
        model = compose_detector({"pose": path, "pose2seg": given})
        assert [step["type"] for step in model.pose.transforms] == ["GetBBoxCenterScale", "TopdownAffine"]
        assert model.pose.estimator.backbone.init_cfg is None

    def test_what_is_missing_is_named(self) -> None:
        with pytest.raises(ValueError, match="expected configs of 'pose', 'pose2seg'"):
            compose_detector({"pose": tiny_config()})
        with pytest.raises(ValueError, match="no CropPerson"):
            compose_detector({"pose2seg": tiny_config()}, pose={"type": "AnnotatedPoses"})

    def test_networks_of_other_libraries_are_named(self) -> None:
        with pytest.raises(TypeError, match="expected a pose estimator of MMPose, got Linear"):
            MODELS.build({"type": "PoseModule", "estimator": nn.Linear(1, 1)})
        with pytest.raises(TypeError, match="expected a segmentor of MMSegmentation, got Linear"):
            MODELS.build({"type": "SegModule", "segmentor": nn.Linear(1, 1)})


def test_encoded_masks_are_the_bitmaps() -> None:
    detector, given, image = tiny_detector(), random_poses(3, SIZE), noise(SIZE)
    poses = detector.poses([image], [sample(given, SIZE)])
    (persons,) = detector.persons([image], poses, detector.seg_logits([image]))
    decoded = np.stack([coco_mask.decode(mask) for mask in persons.masks]).astype(bool)
    assert np.array_equal(persons.bitmaps(), decoded)
    assert detector.stopwatch.frames == 1
    assert list(detector.stopwatch.seconds) == ["pose", "seg", "pose2seg", "fusion"]


@pytest.mark.parametrize("path", [GIVEN, SMALL], ids=["given poses", "detected poses"])
def test_mixed_precision_finds_much_the_same(path: Path) -> None:
    found = []
    for enabled in (False, True):
        detector = tiny_detector(path, **KEEP_ALL)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            (persons,) = predict(detector, [noise(SIZE)], [sample(random_poses(5, SIZE), SIZE)])
        found.append(persons)
    if path == GIVEN:
        full, half = (persons.masks for persons in found)
        overlap = (full & half).flatten(1).sum(1) / (full | half).flatten(1).sum(1).clamp(min=1)
        assert overlap.mean() > 0.95
    assert found[1].scores.isfinite().all()
