"""Network stages, where the training is not what is looked at."""

from pathlib import Path

import pytest
import torch

from mmselfhuman.engine.label_making import CollapsedLabelsError
from mmselfhuman.engine.self_training import Result, Stage, work_networks
from mmselfhuman.engine.self_training.task import Task


class _Collapsing:
    """A Runner whose labels are not fit to be trained on."""

    def __init__(self, config: object) -> None:
        pass

    def register_hook(self, hook: object) -> None:
        pass

    def train(self) -> None:
        raise CollapsedLabelsError("nobody anywhere")


def _train(hook: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setattr(work_networks.Runner, "from_cfg", _Collapsing)
    torch.save({"state_dict": {"weight": torch.ones(2)}}, folder / "before.pth")
    stage = Stage("round1.refine", "train", 1, {"config": {"custom_hooks": [{"type": hook}]}}, {"weights": "pretrain"})
    (folder / "stage").mkdir()
    before = Result({"weights": "before.pth"})
    return work_networks.train(Task(stage, folder / "stage", folder, {"weights": before}, "none", None))


def test_poses_that_collapse_leave_the_network_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = _train("mmselfhuman.GBSRHook", tmp_path, monkeypatch)
    assert result.facts == {"note": "not trained: nobody anywhere"}
    assert set(result.outputs) == {"weights"}
    kept = torch.load(tmp_path / result.outputs["weights"], weights_only=True)
    assert kept["state_dict"]["weight"].tolist() == [1, 1]


def test_masks_that_collapse_end_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CollapsedLabelsError, match="nobody anywhere"):
        _train("mmselfhuman.TPRHook", tmp_path, monkeypatch)
