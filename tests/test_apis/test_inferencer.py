"""SelfHumanInferencer: whatever a user hands over comes back as persons, on disk as well as in memory."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from detector_toys import ROOT, SMALL, shaken, tiny_config, tiny_detector
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import save_checkpoint
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from mmselfhuman.apis import SelfHumanInferencer
from mmselfhuman.engine.self_training import Ledger, Result, Stage
from mmselfhuman.engine.self_training.work_export import inference_config
from mmselfhuman.models.detectors.checkpoints import PARTS
from mmselfhuman.registry import MODELS
from mmselfhuman.utils import load_config
from mmselfhuman.visualization import write_video

SURE = {"min_pose_score": 0.0, "min_joint_score": 0.0, "max_persons": 3}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny detector's checkpoint with its config in it."""
    torch.set_num_threads(1)
    config = tiny_config()
    with DefaultScope.overwrite_default_scope("mmselfhuman"):
        model = shaken(MODELS.build(config.model), seed=3)
    path = str(tmp_path_factory.mktemp("weights") / "tiny.pth")
    save_checkpoint({"state_dict": model.state_dict(), "meta": {"cfg": config.pretty_text}}, path)
    return path


@pytest.fixture(scope="module")
def inferencer(weights: str) -> SelfHumanInferencer:
    return SelfHumanInferencer(weights=weights, device="cpu", settings=SURE, show_progress=False)


def picture(height: int = 60, width: int = 80, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def video(path: Path, frames: int = 9, size: tuple[int, int] = (64, 96)) -> str:
    pictures = [np.roll(picture(*size), 2 * number, axis=1) for number in range(frames)]
    write_video(path, pictures, fps=10)
    return str(path)


class TestImages:
    def test_an_array_gives_coco_results(self, inferencer: SelfHumanInferencer) -> None:
        result = inferencer(picture(), return_vis=True)
        (prediction,) = result["predictions"]
        assert (prediction["height"], prediction["width"]) == (60, 80)
        assert json.loads(json.dumps(prediction)) == prediction
        assert prediction["instances"]
        for instance in prediction["instances"]:
            mask = coco_mask.decode(instance["segmentation"])
            assert mask.shape == (60, 80)
            rows, columns = mask.nonzero()
            x, y, w, h = instance["bbox"]
            assert (x, y, x + w, y + h) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert len(instance["keypoints"]) == 51
        assert [one.shape for one in result["visualization"]] == [(60, 80, 3)]
        assert result["skipped"] == []

    def test_masks_are_those_of_the_detector(self, inferencer: SelfHumanInferencer) -> None:
        (sample,) = inferencer(picture(), return_datasamples=True)["predictions"]
        inputs = torch.from_numpy(picture()).permute(2, 0, 1)
        meta = {"img_shape": (60, 80), "ori_shape": (60, 80)}
        data = {"inputs": [inputs], "data_samples": [type(sample)(metainfo=meta)]}
        (expected,) = inferencer.model.test_step(data)
        assert torch.equal(sample.pred_instances.masks, expected.pred_instances.masks)
        assert torch.equal(sample.pred_instances.scores, expected.pred_instances.scores)

    def test_batches_do_not_change_results(self, inferencer: SelfHumanInferencer) -> None:
        images = [picture(60, 80, 1), picture(90, 50, 2), picture(60, 80, 3)]
        alone = [inferencer(image)["predictions"][0]["instances"] for image in images]
        together = [one["instances"] for one in inferencer(images, batch_size=3)["predictions"]]
        assert [len(one) for one in together] == [len(one) for one in alone]
        for found, expected in zip(together, alone, strict=True):
            assert [one["segmentation"] for one in found] == [one["segmentation"] for one in expected]

    @pytest.mark.parametrize("kind", ["grey", "grey, one channel", "alpha", "16 bits", "floating"])
    def test_other_arrays_are_the_same_picture(self, inferencer: SelfHumanInferencer, kind: str) -> None:
        grey = np.repeat(picture()[..., :1], 3, axis=2)
        other = {
            "grey": grey[..., 0],
            "grey, one channel": grey[..., :1],
            "alpha": np.concatenate([grey, grey[..., :1]], axis=2),
            "16 bits": grey.astype(np.uint16) * 257,
            "floating": grey / 255,
        }[kind]
        assert inferencer(other)["predictions"] == inferencer(grey)["predictions"]

    @pytest.mark.parametrize("array", [np.zeros((3, 4, 5)), np.zeros((4, 4), np.int64), np.full((4, 4, 3), 7.0)])
    def test_arrays_that_are_no_images_are_refused(self, inferencer: SelfHumanInferencer, array: np.ndarray) -> None:
        with pytest.raises(ValueError, match=r"expected an image|must lie in"):
            inferencer(array)

    def test_a_single_pixel(self, inferencer: SelfHumanInferencer) -> None:
        assert len(inferencer(np.zeros((1, 1, 3), np.uint8))["predictions"]) == 1


class TestFiles:
    def test_a_folder_is_read_in_natural_order_and_damage_is_counted(
        self, inferencer: SelfHumanInferencer, tmp_path: Path
    ) -> None:
        folder, out = tmp_path / "in", tmp_path / "out"
        folder.mkdir()
        for name in ("p10.png", "p2.png"):
            cv2.imwrite(str(folder / name), picture())
        cv2.imwrite(str(folder / "grey16.png"), picture()[..., 0].astype(np.uint16) * 257)
        (folder / "broken.jpg").write_bytes(b"no image")
        (folder / "cut.png").write_bytes((folder / "p2.png").read_bytes()[:500])
        (folder / "notes.txt").write_text("not an image")
        result = inferencer(str(folder), out_dir=out, batch_size=2)
        assert [one["file_name"] for one in result["predictions"]] == ["grey16.png", "p2.png", "p10.png"]
        assert [Path(one["path"]).name for one in result["skipped"]] == ["broken.jpg", "cut.png"]
        assert sorted(path.name for path in (out / "masks").iterdir()) == ["grey16.png", "p10.png", "p2.png"]
        assert (out / "visualizations" / "p2.jpg").is_file()

    def test_coco_reads_what_is_written(self, inferencer: SelfHumanInferencer, tmp_path: Path) -> None:
        cv2.imwrite(str(tmp_path / "a.png"), picture())
        result = inferencer(tmp_path / "a.png", out_dir=tmp_path / "out")
        results = json.loads((tmp_path / "out" / "predictions.json").read_text())
        instances = result["predictions"][0]["instances"]
        assert len(results) == len(instances)
        truth = COCO()
        truth.dataset = {"images": [{"id": 0, "file_name": "a.png"}], "categories": [{"id": 1}], "annotations": []}
        truth.createIndex()
        assert len(truth.loadRes(results).anns) == len(results)
        labels = cv2.imread(str(tmp_path / "out" / "masks" / "a.png"), cv2.IMREAD_UNCHANGED)
        best = coco_mask.decode(instances[0]["segmentation"])
        assert np.array_equal(labels == 1, best > 0)  # the best person is on top

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_photographs_are_turned_upright(
        self, inferencer: SelfHumanInferencer, tmp_path: Path, orientation: int
    ) -> None:
        from PIL import ImageOps

        image = Image.fromarray(picture()[..., ::-1])
        exif = image.getexif()
        exif[274] = orientation
        image.save(tmp_path / "photo.png", exif=exif)
        with Image.open(tmp_path / "photo.png") as stored:
            upright = np.asarray(ImageOps.exif_transpose(stored))[..., ::-1]
        (found,) = inferencer(str(tmp_path / "photo.png"))["predictions"]
        (expected,) = inferencer(np.ascontiguousarray(upright))["predictions"]
        assert found["instances"] == expected["instances"]

    def test_patterns_and_lists(self, inferencer: SelfHumanInferencer, tmp_path: Path) -> None:
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            cv2.imwrite(str(tmp_path / folder / "same.png"), picture())
        pattern = str(tmp_path / "*" / "same.png")
        result = inferencer([pattern, picture()], out_dir=tmp_path / "out")
        assert [one["file_name"] for one in result["predictions"]] == ["same.png", "same.png", "image_000002"]
        # files of one name do not overwrite each other
        names = sorted(path.name for path in (tmp_path / "out" / "masks").iterdir())
        assert names == ["image_000002.png", "same-1.png", "same.png"]

    def test_what_does_not_exist_is_an_error(self, inferencer: SelfHumanInferencer, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"absent.png"):
            inferencer(str(tmp_path / "absent.png"))
        with pytest.raises(FileNotFoundError, match="nothing fits the pattern"):
            inferencer(str(tmp_path / "*.png"))
        with pytest.raises(ValueError, match="has no image in it"):
            inferencer(str(tmp_path))
        with pytest.raises(TypeError, match="got float"):
            inferencer(3.0)


class TestVideos:
    @pytest.mark.parametrize("temporal", ["none", "ids", "refine"])
    def test_every_frame_comes_once_and_in_order(
        self, inferencer: SelfHumanInferencer, tmp_path: Path, temporal: str
    ) -> None:
        path = video(tmp_path / "clip.mp4")
        result = inferencer(path, out_dir=tmp_path / "out", temporal=temporal, batch_size=4)
        assert [one["frame"] for one in result["predictions"]] == list(range(9))
        assert result["predictions"][3]["file_name"] == "clip/000003"
        written = cv2.VideoCapture(str(tmp_path / "out" / "visualizations" / "clip.mp4"))
        assert written.get(cv2.CAP_PROP_FRAME_COUNT) == 9
        assert written.get(cv2.CAP_PROP_FPS) == 10
        assert len(list((tmp_path / "out" / "masks" / "clip").iterdir())) == 9
        persons = [instance for one in result["predictions"] for instance in one["instances"]]
        assert persons
        assert all(("track_id" in instance) == (temporal != "none") for instance in persons)
        parts = {"none": set(), "ids": {"flow", "tracking"}, "refine": {"flow", "tpr", "gbsr"}}[temporal]
        known = {"reading", "pose", "seg", "pose2seg", "fusion", "drawing", "writing"}
        assert set(inferencer.stopwatch.seconds) - known == parts
        assert inferencer.stopwatch.frames == 9

    def test_following_changes_no_mask(self, inferencer: SelfHumanInferencer, tmp_path: Path) -> None:
        path = video(tmp_path / "clip.mp4", frames=5)
        alone, followed = (inferencer(path, temporal=mode)["predictions"] for mode in ("none", "ids"))
        for one, other in zip(alone, followed, strict=True):
            masks = [{json.dumps(i["segmentation"]) for i in frame["instances"]} for frame in (one, other)]
            assert len(masks[0] ^ masks[1]) <= 2  # places go through a smaller frame and back: a pixel may differ

    def test_frames_may_be_left_out(self, inferencer: SelfHumanInferencer, tmp_path: Path) -> None:
        result = inferencer(video(tmp_path / "clip.mp4"), frame_step=3, max_frames=2, resize=0.5)
        assert [(one["frame"], one["height"], one["width"]) for one in result["predictions"]] == [
            (0, 32, 48),
            (3, 32, 48),
        ]

    def test_a_camera_is_read_until_it_ends(
        self, inferencer: SelfHumanInferencer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Camera:
            def __init__(self, number: int) -> None:
                self.left = 4 if number == 1 else 0

            def isOpened(self) -> bool:
                return self.left > 0

            def get(self, key: int) -> float:
                return 30.0

            def read(self) -> tuple[bool, np.ndarray | None]:
                self.left -= 1
                return self.left >= 0, picture(48, 64, self.left % 4)

            def release(self) -> None: ...

        monkeypatch.setattr(cv2, "VideoCapture", Camera)
        assert [one["frame"] for one in inferencer(1)["predictions"]] == [0, 1, 2, 3]
        assert len(inferencer(1, max_frames=2)["predictions"]) == 2
        with pytest.raises(RuntimeError, match="camera 0 cannot be opened"):
            inferencer(0)

    def test_a_damaged_video_is_skipped(self, inferencer: SelfHumanInferencer, tmp_path: Path) -> None:
        (tmp_path / "broken.mp4").write_bytes(b"no video")
        result = inferencer([str(tmp_path / "broken.mp4"), picture()])
        assert [Path(one["path"]).name for one in result["skipped"]] == ["broken.mp4"]
        assert len(result["predictions"]) == 1

    def test_mistakes_are_named(self, inferencer: SelfHumanInferencer, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="temporal: expected one of"):
            inferencer(picture(), temporal="refined")
        with pytest.raises(ValueError, match="frame_step"):
            inferencer(video(tmp_path / "clip.mp4", frames=1), frame_step=0)


class TestModels:
    def test_settings_reach_the_detector(self, weights: str) -> None:
        settings = {"fusion": {"mode": "exclusive"}, "pose2seg": {"batch_size": 3}}
        model = SelfHumanInferencer(weights=weights, device="cpu", settings=settings).model
        assert (model.fusion.mode, model.pose2seg.batch_size) == ("exclusive", 3)

    def test_a_config_and_three_checkpoints(self, weights: str, tmp_path: Path) -> None:
        detector, files = tiny_detector(SMALL, seed=5), {}
        for part, network in (("seg", detector.seg.segmentor), ("pose2seg", detector.pose2seg.segmentor)):
            files[part] = str(tmp_path / f"{part}.pth")
            save_checkpoint({"state_dict": network.state_dict()}, files[part])
        model = SelfHumanInferencer(tiny_config(), files, device="cpu").model
        assert torch.equal(next(model.seg.parameters()), next(detector.seg.parameters()))

    def test_a_name_in_the_model_index(self) -> None:
        model = SelfHumanInferencer("selfhuman-small_synthetic-128x128", device="cpu").model
        assert type(model).__name__ == "SelfHumanDetector"

    def test_a_name_that_is_not_there_is_answered_with_those_that_are(self) -> None:
        with pytest.raises(ValueError, match=r"'nobody' is no config file.*selfhuman-small_synthetic-128x128"):
            SelfHumanInferencer("nobody")

    def test_other_models_are_refused(self) -> None:
        config = ROOT / "configs/seg/seg-small_1xb16-1k_synthetic-128x128.py"
        with pytest.raises(TypeError, match="expected the config of a SelfHumanDetector, got one of EncoderDecoder"):
            SelfHumanInferencer(str(config), device="cpu")

    def test_something_must_be_given(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="neither model nor a checkpoint"):
            SelfHumanInferencer()
        with pytest.raises(ValueError, match="not the work dir of a finished self-training; it has no ledger"):
            SelfHumanInferencer(str(tmp_path))

    @pytest.mark.parametrize("whole", [True, False], ids=["instance segmenter", "three networks"])
    def test_a_finished_self_training(self, tmp_path: Path, whole: bool) -> None:
        configs = ROOT / "configs"
        parts = {
            "pose": configs / "pose/ae_small_1xb16-2k_synthetic-128x128.py",
            "seg": configs / "seg/seg-small_1xb16-1k_synthetic-128x128.py",
            "pose2seg": configs / "pose2seg/pose2seg-small_1xb16-1k_synthetic-96x96.py",
        }
        with DefaultScope.overwrite_default_scope("mmselfhuman"):
            model = shaken(MODELS.build(load_config(SMALL).model), seed=6)
        (tmp_path / "export").mkdir()
        outputs = {}
        for name, place in {**PARTS, **({"instances": ""} if whole else {})}.items():
            network = model.get_submodule(place)
            save_checkpoint({"state_dict": network.state_dict()}, str(tmp_path / "export" / f"{name}.pth"))
            config = load_config(SMALL if name == "instances" else parts[name])
            kept = config if name == "instances" else Config(inference_config(config.to_dict()))
            kept.dump(tmp_path / "export" / f"{name}.py")
            outputs |= {name: f"export/{name}.pth", f"{name} config": f"export/{name}.py"}
        Ledger(tmp_path).finish(Stage("export", "export"), Result(outputs))
        found = SelfHumanInferencer(tmp_path, device="cpu", show_progress=False)
        for one, other in zip(found.model.parameters(), model.parameters(), strict=True):
            assert torch.equal(one, other)
        assert len(found(picture())["predictions"]) == 1

    def test_a_self_training_without_poses_says_what_is_missing(self, tmp_path: Path) -> None:
        Ledger(tmp_path).finish(Stage("export", "export"), Result({"seg": "s.pth", "seg config": "s.py"}))
        with pytest.raises(ValueError, match=r"handed out \['seg'\].*give pose and pose2seg"):
            SelfHumanInferencer(tmp_path)


def test_real_photographs(inferencer: SelfHumanInferencer, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "mmpose_tests" / "ochuman"
    result = inferencer(folder, out_dir=tmp_path)
    images = json.loads((folder / "test_ochuman.json").read_text())["images"]
    sizes = {image["file_name"]: (image["height"], image["width"]) for image in images}
    assert {one["file_name"]: (one["height"], one["width"]) for one in result["predictions"]} == sizes
