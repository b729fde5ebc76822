"""What the tool writes for labelled datasets, videos and synthetic people."""

import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmselfhuman.structures import NUM_JOINTS
from mmselfhuman.visualization import write_image, write_video

TOOL = Path(__file__).parents[2] / "tools" / "misc" / "browse_dataset.py"


@pytest.fixture
def browse(tmp_path, monkeypatch):
    """Run the tool; returns the names of the files that it wrote, and where."""

    def run(*arguments) -> tuple[set[str], Path]:
        output = tmp_path / "output"
        monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments), "--output-dir", str(output)])
        runpy.run_path(str(TOOL), run_name="__main__")
        return {str(path.relative_to(output)) for path in output.rglob("*.*")}, output

    return run


def _frame(t: int) -> np.ndarray:
    texture = np.random.default_rng(0).integers(0, 200, (12, 16, 3), dtype=np.uint8)
    return np.roll(cv2.resize(texture, (64, 48)), 2 * t, axis=1)


def _count(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.grab():
        count += 1
    return count


def _config(tmp_path: Path, dataset: str) -> Path:
    path = tmp_path / "config.py"
    path.write_text(f"default_scope = 'mmselfhuman'\ntrain_dataloader = dict(dataset={dataset})\n")
    return path


SOURCE = "source=dict(type='SyntheticPeople', num_images=3, size=(64, 48))"


class TestConfig:
    @pytest.mark.parametrize(
        "dataset",
        [
            f"dict(type='PersonSegDataset', {SOURCE}, pipeline=[dict(type='LoadPersonImage'), "
            "dict(type='LoadPersonSegMap'), dict(type='mmseg.PackSegInputs')])",
            f"dict(type='PersonInstanceDataset', {SOURCE}, pipeline=[dict(type='LoadPersonImage'), dict(type="
            "'mmdet.LoadAnnotations', with_bbox=True, with_mask=True), dict(type='mmdet.PackDetInputs')])",
            f"dict(type='PersonPoseDataset', data_mode='bottomup', {SOURCE}, pipeline=[dict(type='LoadPersonImage'), "
            "dict(type='mmpose.PackPoseInputs')])",
            f"dict(type='RepeatDataset', times=2, dataset=dict(type='PersonSegDataset', {SOURCE}, pipeline=["
            "dict(type='LoadPersonImage'), dict(type='LoadPersonSegMap'), dict(type='mmseg.PackSegInputs')]))",
        ],
    )
    def test_samples_are_drawn_one_by_one_and_on_a_sheet(self, tmp_path, browse, dataset):
        names, output = browse(_config(tmp_path, dataset), "--num", 2)
        assert names == {"00000_source_train_000000.png", "00001_source_train_000001.png", "sheet.png"}
        from mmselfhuman.datasets.synthetic import SyntheticPeople

        drawn = cv2.imread(str(output / "00000_source_train_000000.png"))
        plain = SyntheticPeople(num_images=3, size=(64, 48)).image(0)
        assert drawn.shape == plain.shape
        assert 0 < (drawn != plain).any(axis=2).mean() < 0.9

    def test_original_samples_are_those_before_the_augmentation(self, tmp_path, browse):
        dataset = (
            f"dict(type='PersonSegDataset', {SOURCE}, pipeline=[dict(type='LoadPersonImage'), "
            "dict(type='LoadPersonSegMap'), dict(type='mmseg.Resize', scale=(32, 24)), "
            "dict(type='mmseg.PackSegInputs')])"
        )
        sizes = {}
        for mode in ("original", "transformed"):
            _, output = browse(_config(tmp_path, dataset), "--num", 1, "--mode", mode)
            sizes[mode] = cv2.imread(str(output / "00000_source_train_000000.png")).shape[:2]
        assert sizes == {"original": (48, 64), "transformed": (24, 32)}

    def test_a_split_that_the_config_lacks_is_named(self, tmp_path, browse):
        with pytest.raises(SystemExit, match="has no test_dataloader"):
            browse(_config(tmp_path, "dict()"), "--split", "test")

    def test_a_missing_config_is_named(self, browse):
        with pytest.raises(SystemExit, match="nowhere"):
            browse("nowhere.py")


class TestVideos:
    def test_files_and_folders_become_sheets_and_movies(self, tmp_path, browse):
        write_video(tmp_path / "set" / "run.avi", (_frame(t) for t in range(10)), 25)
        for t in range(6):
            write_image(tmp_path / "set" / "deep" / "walk" / f"{t}.png", _frame(t))
        names, output = browse("--videos", tmp_path / "set", "--num", 4, "--columns", 2, "--max-frames", 8)
        assert names == {"run.png", "run.mp4", "deep/walk.png", "deep/walk.mp4"}
        assert (_count(output / "run.mp4"), _count(output / "deep" / "walk.mp4")) == (8, 6)
        height, width = cv2.imread(str(output / "run.png")).shape[:2]
        assert width < 3 * 64 < height + 2 * 48

    def test_masks_poses_and_flow_are_drawn(self, tmp_path, browse):
        mask = np.zeros((48, 64), np.uint8)
        mask[10:20, 10:20] = 255
        for t in range(3):
            write_image(tmp_path / "walk" / f"{t}.png", _frame(t))
            write_image(tmp_path / "masks" / "walk" / f"{t}.png", mask)
        joints = np.stack([np.linspace(5, 60, NUM_JOINTS), np.full(NUM_JOINTS, 40), np.full(NUM_JOINTS, 0.9)], 1)
        (tmp_path / "poses").mkdir()
        (tmp_path / "poses" / "walk.json").write_text(
            json.dumps([{"image_id": 1, "keypoints": joints.ravel().tolist()}])
        )
        pad = ("--num", 3, "--columns", 1, "--movie", "none")
        _, output = browse("--videos", tmp_path / "walk", *pad, "--flow")
        plain = cv2.imread(str(output / "walk.png"))
        _, output = browse(
            "--videos", tmp_path / "walk", *pad, "--flow", "--masks", tmp_path / "masks", "--poses", tmp_path / "poses"
        )
        drawn = cv2.imread(str(output / "walk.png"))
        changed = (plain != drawn).any(axis=2)
        cell = plain.shape[0] // 3
        assert changed[:cell, :70].any()
        assert changed[cell : 2 * cell, :70].sum() > changed[:cell, :70].sum()  # the pose of frame 1
        assert not changed[:, 72:].any()  # the flow beside
        assert (plain[:48, 72:] != 255).any()

    def test_a_mask_of_another_size_than_its_frame_is_named(self, tmp_path, browse):
        write_image(tmp_path / "walk" / "0.png", _frame(0))
        write_image(tmp_path / "masks" / "walk" / "0.png", np.zeros((4, 4), np.uint8))
        with pytest.raises(SystemExit, match=r"masks/walk/0\.png must hold .*\(48, 64\).*got \(4, 4\)"):
            browse("--videos", tmp_path / "walk", "--masks", tmp_path / "masks")

    def test_a_folder_without_videos_is_named(self, tmp_path, browse):
        with pytest.raises(SystemExit, match=f"no video can be read from {tmp_path}"):
            browse("--videos", tmp_path)


class TestSynthetic:
    def test_stills_become_a_sheet(self, browse):
        names, output = browse("--synthetic", "target_test", "--num", 3, "--size", 64, 48, "--columns", 3, "--scale", 2)
        assert names == {"target_test.png"}
        assert cv2.imread(str(output / "target_test.png")).shape[1] == 3 * (128 + 4) + 4

    def test_videos_show_their_truth_beside_the_plain_frames(self, browse):
        names, output = browse(
            "--synthetic",
            "target",
            "--clips",
            1,
            "--max-frames",
            5,
            "--size",
            64,
            48,
            "--movie",
            "gif",
            "--flow",
            "--plain",
        )
        assert names == {"target_0000.png", "target_0000.gif"}
        assert _count(output / "target_0000.gif") == 5


@pytest.mark.parametrize(
    "arguments", [[], ["config.py", "--synthetic", "target"], ["--synthetic", "target", "--num", "0"]]
)
def test_wrong_combinations_are_refused(browse, arguments):
    with pytest.raises(SystemExit) as raised:
        browse(*arguments)
    assert raised.value.code == 2
