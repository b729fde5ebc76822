"""tools/make_labels.py, as its users call it."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope

from mmselfhuman.pseudo_labels import PseudoLabelStore

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "make_labels.py"
SMALL = ROOT / "configs/seg/seg-small_1xb16-1k_synthetic-128x128.py"


@pytest.fixture
def run_tool(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    torch.set_num_threads(1)

    def run(*arguments: object) -> None:
        monkeypatch.setenv("LOCAL_RANK", "0")
        monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
        runpy.run_path(str(TOOL), run_name="__main__")

    return run


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """One clip of a bright square that moves over a dark ground."""
    folder = tmp_path / "videos" / "square"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    ground, square = rng.integers(0, 60, (32, 32, 3), np.uint8), rng.integers(180, 255, (14, 14, 3), np.uint8)
    for index in range(4):
        image = ground.copy()
        image[8:22, 6 + index : 20 + index] = square
        cv2.imwrite(str(folder / f"{index}.png"), image)
    return tmp_path / "videos"


@pytest.fixture
def masks(videos: Path, tmp_path: Path) -> Path:
    """Those of the square, which nobody sees in frame 2."""
    folder = tmp_path / "masks" / "square"
    folder.mkdir(parents=True)
    for path in (videos / "square").iterdir():
        cv2.imwrite(str(folder / path.name), (cv2.imread(str(path), 0) > 120).astype(np.uint8) * 255)
    cv2.imwrite(str(folder / "2.png"), np.zeros((32, 32), np.uint8))
    return tmp_path / "masks"


OPTIONS = ["--foreground", "--threshold", "0", "--refiner", "rounds=1", "flow.type=DISFlow", "flow.preset=ultrafast"]


def test_masks_of_another_network_are_refined(
    run_tool: Callable[..., None], videos: Path, masks: Path, tmp_path: Path
) -> None:
    run_tool("--predictions", masks, "--videos", videos, "--out", tmp_path / "store", *OPTIONS)
    labels = list(PseudoLabelStore(tmp_path / "store").read(0))
    assert [label.frame for label in labels] == [0, 1, 2, 3]
    assert labels[2].semantic[10:20, 10:20].mean() > 0.9  # recovered from the frames around


def test_two_ranks_without_a_gpu_write_what_one_writes(videos: Path, masks: Path, tmp_path: Path) -> None:
    for source in (videos, masks):
        shutil.copytree(source / "square", source / "another")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    found = []
    for ranks in (1, 2):
        store = tmp_path / f"store{ranks}"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}", TOOL]
        command += ["--predictions", masks, "--videos", videos, "--out", store, "--launcher", "pytorch", *OPTIONS]
        result = subprocess.run([*map(str, command)], capture_output=True, text=True, env=environment, timeout=600)
        assert result.returncode == 0, result.stderr[-3000:]
        files = sorted(path for path in store.rglob("*") if path.is_file())
        found.append({path.relative_to(store): path.read_bytes() for path in files})
    assert len(found[0]) > 8
    assert found[0] == found[1]


def test_a_network_labels_videos(run_tool: Callable[..., None], videos: Path, tmp_path: Path) -> None:
    from mmengine.registry import MODELS

    with DefaultScope.overwrite_default_scope("mmselfhuman"):
        init_default_scope("mmselfhuman")
        model = MODELS.build(Config.fromfile(SMALL).model)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "weights.pth")
    arguments = [SMALL, tmp_path / "weights.pth", "--videos", videos, "--out", tmp_path / "store", "--round", "3"]
    # Whatever an untrained network says is one class or unsure; the store stays empty and the reason is told.
    with pytest.raises(SystemExit) as exit_:
        run_tool(*arguments, "--threshold", "0.99")
    assert "error: the labels have collapsed and are not trained on" in str(exit_.value.code)
    assert PseudoLabelStore(tmp_path / "store").rounds() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([SMALL, "absent.pth", "--out", "x"], "checkpoint not found: absent.pth"),
        ([SMALL, SMALL, "--out", "x"], "has no 'videos': give --videos PATH ..."),
        (["--predictions", "absent", "--videos", "{videos}", "--out", "x"], "no such folder of predictions: absent"),
        (["--predictions", "{videos}", "--videos", "absent", "--out", "x"], "absent"),
        (
            ["--predictions", "{videos}", "--videos", "{videos}", "--out", "x", "--refiner", "window=0"],
            "window",
        ),
    ],
)
def test_mistakes_of_the_command_line_are_named(
    run_tool: Callable[..., None], videos: Path, tmp_path: Path, arguments: list, message: str, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        run_tool(*(str(argument).format(videos=videos) for argument in arguments))
    assert message in str(exit_.value.code)


def test_either_a_network_or_predictions(run_tool: Callable[..., None], capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        run_tool("--out", "x")
    assert "give either CONFIG and CHECKPOINT, or --predictions FOLDER" in capsys.readouterr().err
