"""Where a killed training goes on."""

import os
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mmselfhuman.utils import checkpoint_to_resume

ROOT = Path(__file__).resolve().parents[2]


def _save(path: Path, age: int = 0) -> None:
    torch.save({"weight": torch.zeros(3)}, path)
    os.utime(path, (1e9 - age, 1e9 - age))


def test_a_note_that_names_a_checkpoint_is_followed(tmp_path: Path) -> None:
    _save(tmp_path / "iter_1.pth", age=2)
    _save(tmp_path / "iter_2.pth", age=1)
    (tmp_path / "last_checkpoint").write_text(str(tmp_path / "iter_1.pth"))
    assert checkpoint_to_resume(tmp_path) == str(tmp_path / "iter_1.pth")


@pytest.mark.parametrize("note", ["", "deleted.pth"])
def test_without_it_the_newest_whole_checkpoint_is_taken(tmp_path: Path, note: str) -> None:
    _save(tmp_path / "epoch_1.pth", age=2)
    _save(tmp_path / "epoch_2.pth", age=1)
    (tmp_path / "epoch_3.pth").write_bytes((tmp_path / "epoch_2.pth").read_bytes()[:200])
    _save(tmp_path / "best_mIoU_epoch_1.pth")
    (tmp_path / "last_checkpoint").write_text(note)
    assert checkpoint_to_resume(tmp_path) == str(tmp_path / "epoch_2.pth")


def test_there_may_be_none(tmp_path: Path) -> None:
    assert checkpoint_to_resume(tmp_path / "absent") is None


@pytest.mark.parametrize(("saved", "expected"), [(True, (True, "iter_1.pth")), (False, (False, "pretrained.pth"))])
def test_resuming_before_the_first_checkpoint_starts_from_load_from(
    tmp_path: Path, saved: bool, expected: tuple[bool, str]
) -> None:
    config = tmp_path / "config.py"
    config.write_text("load_from = 'pretrained.pth'")
    if saved:
        _save(tmp_path / "iter_1.pth")
    arguments = SimpleNamespace(
        config=config, cfg_options=None, launcher="none", work_dir=str(tmp_path), amp=False, resume="auto"
    )
    training_config = runpy.run_path(str(ROOT / "tools" / "train.py"))["training_config"]
    result = training_config(arguments)
    assert (result.resume, Path(result.load_from).name) == expected
