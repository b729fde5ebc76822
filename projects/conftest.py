"""What the tests of the projects share."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from tiny_data import TinyData, cut_down, write_tiny_data

from mmselfhuman.utils import load_config


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> TinyData:
    return write_tiny_data(tmp_path_factory.mktemp("tiny_data"))


@pytest.fixture
def small_config(tiny_data: TinyData, tmp_path: Path) -> Callable[[Path], Config]:
    """Reads a project's config and cuts it down to tiny data and few steps."""
    torch.set_num_threads(1)
    return lambda path: cut_down(load_config(path), tiny_data, tmp_path)


@pytest.fixture
def train() -> Callable[[Config], Runner]:
    """Trains, and expects that the loss stays finite and the weights do not stay as they were."""

    def run(config: Config) -> Runner:
        runner = Runner.from_cfg(config)
        before = {name: value.detach().clone() for name, value in runner.model.named_parameters()}
        runner.train()
        assert math.isfinite(MessageHub.get_current_instance().get_scalar("train/loss").current())
        changed = [name for name, value in runner.model.named_parameters() if not torch.equal(value, before[name])]
        assert len(changed) > len(before) / 2
        return runner

    return run
