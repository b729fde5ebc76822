"""Numbers in configs that nobody can have meant: an error when the component is built, never a surprise later."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hostile import FUZZ, NUMBERS, VALUES, places, replaced
from hypothesis import given
from hypothesis import strategies as st

from mmselfhuman.datasets import UnlabelledVideos
from mmselfhuman.engine import GBSRHook, TPRHook
from mmselfhuman.engine.self_training.settings import settings_from
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
from mmselfhuman.models.tpr.registered import build_refiner
from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.utils import ConfigError

ROOT = Path(__file__).resolve().parents[2]
SEG = str(ROOT / "configs/self_training/synthetic-128x128/seg_finetune.py")

LOOP = {
    "networks": {"seg": {"pretrain": SEG, "finetune": SEG}},
    "videos": {"type": "SyntheticVideos"},
    "rounds": 3,
    "n_tpr": 5,
    "n_gbsr": 1,
    "window": 3,
    "agreement": 0.95,
    "keep": "all",
    "pictures": 6,
    "guard": {"network": 0.1, "stability": 0.05, "empty": 0.1, "ignored": 0.15, "foreground": 2.0},
}


@FUZZ
@given(place=st.sampled_from(sorted(places(LOOP), key=str)), value=VALUES)
def test_loop(place: tuple, value: object) -> None:
    try:
        settings = settings_from(replaced(LOOP, place, value), "loop.py")
    except ConfigError:
        return
    for name, least in (("rounds", 1), ("n_tpr", 1), ("n_gbsr", 0)):
        assert isinstance(getattr(settings, name), int)
        assert getattr(settings, name) >= least
    assert 0 < settings.agreement <= 1


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    for index in range(3):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((8, 10, 3), 80 * index, np.uint8))
    return folder


@FUZZ
@given(name=st.sampled_from(["frame_step", "max_frames"]), value=st.one_of(st.none(), NUMBERS))
def test_videos(name: str, value: Any, frames: Path) -> None:
    try:
        videos = UnlabelledVideos(frames, **{name: value})
    except ValueError:
        return
    expected = range(0, 3, value)[:3] if name == "frame_step" else range(3)[:value]
    assert [frame.index for frame in videos[0]] == list(expected)


@FUZZ
@given(name=st.sampled_from(["image_format", "jpeg_quality", "confidence_stride"]), value=VALUES)
def test_store(name: str, value: Any, tmp_path: Path) -> None:
    try:
        PseudoLabelStore(tmp_path, **{name: value})
    except (TypeError, ValueError):
        return
    assert value in ("jpg", "png") or (isinstance(value, int | float) and 1 <= value <= 256)


@FUZZ
@given(
    name=st.sampled_from(["interval", "rounds", "start", "threshold", "batch_size", "keep"]),
    value=st.one_of(st.none(), NUMBERS),
)
def test_hooks(name: str, value: Any) -> None:
    videos = {"type": "SyntheticVideos"}
    settings = {"interval": 1, name: value}
    for build, more in ((TPRHook, {}), (GBSRHook, {"transforms": []})):
        if name == "threshold" and build is GBSRHook:
            settings["person_threshold"] = settings.pop("threshold")
        try:
            hook = build(videos, **settings, **more)
        except (TypeError, ValueError):
            continue
        assert hook.interval >= 1
        assert hook.rounds >= 1
        assert hook.start >= 0


@FUZZ
@given(name=st.sampled_from(["window", "rounds"]), value=NUMBERS)
def test_tpr(name: str, value: Any) -> None:
    try:
        build_refiner(**{name: value})
    except (TypeError, ValueError):
        return
    assert value >= 1


@FUZZ
@given(value=NUMBERS)
def test_gbsr(value: Any) -> None:
    try:
        GraphPoseRefiner(window=value)
    except ValueError:
        return
    assert 2 <= value < 1000
