"""The tool that shows TPR, on a tiny video and on synthetic people."""

import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "analysis_tools" / "show_tpr.py"

pytest.importorskip("mmengine", reason="the tool builds TPR from a config")


@pytest.fixture
def show(monkeypatch, capsys, tmp_path):
    """Run the tool; returns what it printed."""

    def run(*arguments) -> str:
        everything = [TOOL, *arguments, "--output-dir", tmp_path / "out"]
        monkeypatch.setattr(sys, "argv", [str(argument) for argument in everything])
        runpy.run_path(str(TOOL), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture
def video(tmp_path) -> tuple[Path, Path]:
    """Frames of a square that moves, and masks in which it is missed once."""
    frames, masks = tmp_path / "clips" / "walk", tmp_path / "masks" / "walk"
    for folder in (frames, masks):
        folder.mkdir(parents=True)
    background = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8), (0, 0), 2)
    for t in range(6):
        mask = np.zeros((64, 96), np.uint8)
        mask[20:44, 10 + 4 * t : 34 + 4 * t] = 255
        image = np.where(mask[..., None] > 0, np.uint8(230), background)
        cv2.imwrite(str(frames / f"{t:03d}.png"), image)
        cv2.imwrite(str(masks / f"{t:03d}.png"), mask * (t != 3))
    return frames, masks.parent


def test_strips_and_movies_are_written(show, video, tmp_path):
    frames, masks = video
    text = show(frames, "--predictions", masks, "--foreground", "--frames", 0, 3, "--width", 96, "--movie", "gif")
    out = tmp_path / "out"
    assert str(out) in text
    assert sorted(path.name for path in out.iterdir()) == ["walk.gif", "walk_00000.png", "walk_00003.png"]
    first, middle = (cv2.imread(str(out / f"walk_0000{t}.png")) for t in (0, 3))
    assert middle.shape[1] == 3 * 100 + 4
    assert first.shape[1] == 2 * 100 + 4, "the first frame has no frame before it"


def test_settings_reach_tpr_and_its_flow(show, video):
    frames, masks = video
    show(frames, "--predictions", masks, "--foreground", "--movie", "none", "--tpr", "rounds=1", "trust=None")
    with pytest.raises(SystemExit, match="error: preset: expected one of"):
        show(frames, "--predictions", masks, "--foreground", "--movie", "none", "--flow", "preset=slow")


def test_a_frame_that_is_not_there_is_named(show, video):
    frames, masks = video
    with pytest.raises(SystemExit, match="error: --frames: walk has no frame 50 among its first 100"):
        show(frames, "--predictions", masks, "--foreground", "--movie", "none", "--frames", 50)


@pytest.mark.parametrize("arguments", [[], ["clips", "--synthetic", "target"], ["clips"]])
def test_it_says_what_must_be_given(show, arguments, capsys):
    with pytest.raises(SystemExit):
        show(*arguments)
    assert "give either" in capsys.readouterr().err


def test_any_segmentor_is_shown_on_synthetic_people(show, tmp_path):
    pytest.importorskip("mmseg", reason="the model is MMSegmentation's")
    import torch

    from mmselfhuman.utils import load_config

    config = ROOT / "configs" / "seg" / "seg-small_1xb16-1k_synthetic-128x128.py"
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    settings = load_config(config)
    init_default_scope(settings.default_scope)
    torch.save(MODELS.build(settings.model).state_dict(), tmp_path / "net.pth")  # bare, as some publish them
    synthetic = ["--synthetic", "target", "--size", 64, 64, "--max-frames", 4, "--width", 64, "--image-format", "jpg"]
    show(*synthetic, "--model", config, tmp_path / "net.pth", "--movie", "none")
    [strip] = (tmp_path / "out").iterdir()
    assert strip.suffix == ".jpg"
