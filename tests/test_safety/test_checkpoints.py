"""Checkpoints of strangers, which are pickles, run nothing; configs in them are read as plain values."""

import os
import re
import runpy
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader, Runner

from mmselfhuman.utils import ConfigError, UnsafeCheckpointError, only_weights, plain_config

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "configs/seg/seg-small_1xb16-1k_synthetic-128x128.py"

pytestmark = pytest.mark.skipif(
    torch.__version__ < (2, 6), reason="torch before 2.6 cannot be told what checkpoints consist of"
)


class Opens:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return open, (str(self.path), "w")


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": {"weight": torch.zeros(1)}, "meta": Opens(tmp_path / "pwned")}, path)
    return path


def test_what_could_run_code_is_not_read(evil: Path) -> None:
    with pytest.raises(UnsafeCheckpointError, match="could run code"), only_weights():
        CheckpointLoader.load_checkpoint(str(evil), map_location="cpu")
    assert not evil.with_name("pwned").exists()
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_whoever_trusts_it_may_say_so(evil: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "0")
    with only_weights():
        torch.load(evil, weights_only=False)
    assert evil.with_name("pwned").exists()


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("tools/train.py", ["{config}", "--resume", "{evil}", "--work-dir", "{folder}"]),
        ("tools/test.py", ["{config}", "{evil}", "--work-dir", "{folder}"]),
        ("tools/make_labels.py", ["{config}", "{evil}", "--videos", "{folder}", "--out", "{folder}/store"]),
    ],
)
def test_tools_refuse_it(
    tool: str, arguments: list[str], evil: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config.fromfile(SMALL)
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.update(batch_size=1, num_workers=0, persistent_workers=False)
    for dataset in (config.train_dataloader.dataset, *config.test_dataloader.dataset.datasets):
        dataset.source.num_images = 1
    config.dump(tmp_path / "config.py")
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "0.png"), np.zeros((8, 8, 3), np.uint8))
    named = {"config": tmp_path / "config.py", "evil": evil, "folder": tmp_path}
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setattr(sys, "argv", [tool, *(argument.format(**named) for argument in arguments)])
    with pytest.raises(SystemExit, match="error: a checkpoint was not read because it could run code"):
        runpy.run_path(str(ROOT / tool), run_name="__main__")
    assert not evil.with_name("pwned").exists()


def test_a_runner_s_own_checkpoint_is_read_whole(tmp_path: Path) -> None:
    config = Config.fromfile(SMALL)
    config.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    config.train_dataloader.dataset.source.update(num_images=2, size=(32, 32))
    config.model.backbone.base_channels = config.model.decode_head.in_channels = 4
    config.model.decode_head.channels = 4
    config.model.data_preprocessor.size = (32, 32)
    config.update(work_dir=str(tmp_path), val_dataloader=None, val_cfg=None, val_evaluator=None)
    config.train_cfg = {"type": "IterBasedTrainLoop", "max_iters": 1}
    config.default_hooks.checkpoint.interval = 1
    runner = Runner.from_cfg(config)
    runner.train()
    with only_weights():
        content = CheckpointLoader.load_checkpoint(str(tmp_path / "iter_1.pth"), map_location="cpu")
    assert {"state_dict", "optimizer", "message_hub", "param_schedulers"} <= content.keys()
    logged = content["message_hub"]["log_scalars"]["train/loss"]
    assert logged.current() == runner.message_hub.get_scalar("train/loss").current()


@pytest.mark.parametrize("core", [b"core", b"_core"], ids=["numpy 1", "numpy 2"])
def test_arrays_of_either_numpy_are_read(core: bytes, tmp_path: Path) -> None:
    meta = {"sigmas": np.arange(3.0), "colours": np.zeros(2, np.uint8), "best": np.float64(0.5)}
    torch.save({"meta": meta}, tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.pth") as old, zipfile.ZipFile(tmp_path / "b.pth", "w") as new:
        for name in old.namelist():
            new.writestr(name, re.sub(rb"numpy\._?core\.multiarray", b"numpy." + core + b".multiarray", old.read(name)))
    with only_weights():
        found = CheckpointLoader.load_checkpoint(str(tmp_path / "b.pth"), map_location="cpu")["meta"]
    assert (found["sigmas"].tolist(), found["colours"].tolist(), found["best"]) == ([0, 1, 2], [0, 0], 0.5)


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*/*synthetic-128x128.py")), ids=lambda path: path.stem)
def test_configs_in_checkpoints_are_what_running_them_gives(path: Path) -> None:
    text = Config.fromfile(path).pretty_text
    expected = Config.fromstring(text, file_format=".py")
    assert plain_config(text, "a checkpoint").to_dict() == expected.to_dict()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import os", "does more than assign values, in line 1"),
        ("a = 1\nopen('x', 'w')", "does more than assign values, in line 2"),
        ("a = open('x', 'w')", "something else than a plain value in line 1"),
        ("a = dict(b=[__import__('os').getpid()])", "something else than a plain value"),
        ("a = dict(**{'type': 'x'})", "something else than a plain value"),
        ("model = dict(type='os.system', command='true')", "'os.system' as a type"),
        ("model = {'type': 'subprocess.run'}", "'subprocess.run' as a type"),
        ("model = dict(type='mmengine.fileio.dump')", "'mmengine.fileio.dump' as a type"),
        ("a = (", "is no config"),
        ("a = " + "[" * 10_000, "is no config"),
    ],
)
def test_configs_in_checkpoints_are_not_run(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plain_config(text, "the config in a checkpoint")
