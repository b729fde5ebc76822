"""The tool on tiny videos whose scores are known, and on what people get wrong."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TOOL = Path(__file__).parents[2] / "tools" / "analysis_tools" / "eval_video_masks.py"


@pytest.fixture
def evaluate(monkeypatch, capsys):
    """Run the tool; returns what it printed."""

    def run(*arguments) -> str:
        monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
        runpy.run_path(str(TOOL), run_name="__main__")
        return capsys.readouterr().out

    return run


def _write(folder: Path, masks, palette: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for t, mask in enumerate(masks):
        image = Image.fromarray(np.asarray(mask, np.uint8), mode=None)
        if palette:
            image = image.convert("P")
            image.putpalette([0, 0, 0] * 256)  # every index is black: only the index tells a person
        image.save(folder / f"{t:05d}.png")
    return folder


def _square(x: int, size: int = 64) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    mask[20:40, x : x + 20] = 255
    return mask


def _textured(shift: int) -> np.ndarray:
    texture = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    return np.roll(np.asarray(Image.fromarray(texture).resize((64, 64), Image.Resampling.BICUBIC)), shift, axis=1)


def test_scores_are_printed_and_written_per_video_and_as_mean(tmp_path, evaluate):
    _write(tmp_path / "truth" / "still", [_square(10)] * 3)
    _write(tmp_path / "truth" / "walk", [_square(x) for x in (10, 12, 14)])
    _write(tmp_path / "masks" / "still", [_square(10)] * 3)
    _write(tmp_path / "masks" / "walk", [_square(20), _square(22), _square(24)])
    printed = evaluate(tmp_path / "masks", tmp_path / "truth", "--out", tmp_path / "new" / "scores.json")
    written = json.loads((tmp_path / "new" / "scores.json").read_text())
    assert written["videos"]["still"]["J"] == 1
    assert written["videos"]["walk"]["J"] == pytest.approx(1 / 3)
    assert written["mean"]["J"] == pytest.approx(2 / 3)
    assert "| mean  |  66.7 |" in printed
    assert "stability" not in printed


def test_the_pngs_of_a_single_video_need_no_folder_around_them(tmp_path, evaluate):
    masks = _write(tmp_path / "a", [_square(10)])
    assert "100.0" in evaluate(masks, _write(tmp_path / "b", [_square(10)]))


def test_palette_images_are_read_by_index(tmp_path, evaluate):
    masks = _write(tmp_path / "a", [_square(10) // 255 * 3], palette=True)
    assert "100.0" in evaluate(masks, _write(tmp_path / "b", [_square(10)]))


def test_the_first_and_last_frame_can_be_left_out(tmp_path, evaluate):
    truth = _write(tmp_path / "truth", [_square(10)] * 4)
    masks = _write(tmp_path / "masks", [_square(40), _square(10), _square(10), _square(40)])
    assert "| mean  | 50.0 |" in evaluate(masks, truth)
    assert "| mean  | 100.0 |" in evaluate(masks, truth, "--skip-ends")


def test_a_bystander_outside_the_margin_does_not_count(tmp_path, evaluate):
    truth = _write(tmp_path / "truth", [_square(2)])
    masks = _write(tmp_path / "masks", [_square(2) | _square(40)])
    assert "50.0" in evaluate(masks, truth)
    assert "100.0" in evaluate(masks, truth, "--margin", 0.25)


@pytest.mark.parametrize("options", [[], ["--exclude-occluded"]])
def test_stability_follows_the_motion_of_the_frames(tmp_path, evaluate, options):
    for t in range(4):
        (tmp_path / "frames").mkdir(exist_ok=True)
        Image.fromarray(_textured(3 * t)).save(tmp_path / "frames" / f"{t:05d}.png")
    truth = _write(tmp_path / "truth", [_square(10)] * 4)

    def stability(name: str, masks) -> float:
        evaluate(
            _write(tmp_path / name, masks), truth, "--frames", tmp_path / "frames", "--out", tmp_path / "o", *options
        )
        return json.loads((tmp_path / "o").read_text())["mean"]["stability"]

    assert stability("following", [_square(10 + 3 * t) for t in range(4)]) > 0.95
    assert stability("staying", [_square(10)] * 4) < 0.85


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda p: (p / "masks" / "00001.png").unlink(), r"no prediction for an annotated frame: .*00001\.png"),
        (lambda p: (p / "masks" / "00001.png").write_bytes(b"no image"), r"00001\.png cannot be decoded"),
        (lambda p: _write(p / "masks", [_square(10, 48)]), r"00000\.png: .*\(48, 48\).*\(64, 64\)"),
        (lambda p: _write(p / "masks", [np.zeros((64, 64, 3))]), r"one label per pixel .*not 3 channels"),
        (lambda p: [f.unlink() for f in (p / "truth").iterdir()], r"no PNGs in .*truth"),
    ],
)
def test_mistakes_are_named(tmp_path, evaluate, prepare, message):
    truth, masks = (_write(tmp_path / name, [_square(10)] * 2) for name in ("truth", "masks"))
    prepare(tmp_path)
    with pytest.raises(SystemExit, match=message):
        evaluate(masks, truth)


def test_frames_that_are_not_those_of_the_annotations_are_refused(tmp_path, evaluate):
    truth, masks = (_write(tmp_path / name, [_square(10)] * 2) for name in ("truth", "masks"))
    frames = _write(tmp_path / "frames", [_square(10)] * 3)
    with pytest.raises(SystemExit, match="has 3 frames, but truth has 2 annotations"):
        evaluate(masks, truth, "--frames", frames)
