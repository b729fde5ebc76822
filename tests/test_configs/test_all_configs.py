"""Every config in the repository builds, trains and tests, and is described where users look for it."""

import math
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from tiny_data import TinyData, cut_down, write_tiny_data

from mmselfhuman.utils import load_config

ROOT = Path(__file__).resolve().parents[2]
# Configs of the loop are not a Runner's; they are tested with it.
CONFIGS = sorted(
    path.relative_to(ROOT) for path in (ROOT / "configs").glob("[!_]*/*.py") if path.parent.name != "self_training"
)
# What is put together from trained networks is only tested.
TRAINED = [path for path in CONFIGS if path.parent.name != "instance"]
COMPOSED = [path for path in CONFIGS if path not in TRAINED]


@pytest.fixture(scope="module")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> TinyData:
    return write_tiny_data(tmp_path_factory.mktemp("tiny_data"))


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_trains_a_step_and_tests(path: Path, tiny_data: TinyData, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    config = cut_down(load_config(ROOT / path), tiny_data, tmp_path)
    assert config.default_scope == "mmselfhuman"
    runner = Runner.from_cfg(config)
    before = {name: parameter.detach().clone() for name, parameter in runner.model.named_parameters()}
    runner.train()
    loss = MessageHub.get_current_instance().get_scalar("train/loss").current()
    assert math.isfinite(loss)
    assert loss > 0
    changed = [n for n, p in runner.model.named_parameters() if not torch.equal(p, before[n])]
    assert len(changed) > len(before) / 2
    _check_metrics(runner.test())


@pytest.mark.parametrize("path", COMPOSED, ids=lambda path: path.stem)
def test_composed_networks_are_tested(path: Path, tiny_data: TinyData, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    _check_metrics(Runner.from_cfg(cut_down(load_config(ROOT / path), tiny_data, tmp_path)).test())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_inherits_over_three_files_at_most(path: Path) -> None:
    assert _depth(ROOT / path) <= 3


def test_parts_can_be_imported_by_name() -> None:
    parts = [path.stem for path in (ROOT / "configs" / "_base_").rglob("*.py")]
    assert [name for name in parts if not name.isidentifier()] == []


@pytest.mark.parametrize("folder", sorted({path.parent for path in CONFIGS}), ids=lambda folder: folder.name)
def test_readme_and_metafile_name_every_config(folder: Path) -> None:
    configs = {str(path) for path in CONFIGS if path.parent == folder}
    metafile = yaml.safe_load((ROOT / folder / "metafile.yml").read_text())
    assert {model["Config"] for model in metafile["Models"]} == configs
    assert {model["Name"] for model in metafile["Models"]} == {Path(config).stem for config in configs}
    readme = (ROOT / folder / "README.md").read_text()
    assert [config for config in configs if Path(config).name not in readme] == []


def test_model_index_imports_every_metafile() -> None:
    index = yaml.safe_load((ROOT / "model-index.yml").read_text())
    assert set(index["Import"]) == {f"{path.parent}/metafile.yml" for path in CONFIGS}


def _check_metrics(metrics: dict) -> None:
    assert metrics
    assert all(isinstance(value, float) for value in metrics.values())


def _depth(path: Path) -> int:
    """How many files lie on the longest way from a config to a base of its own package, both counted."""
    bases = Config._get_base_files(str(path))
    return 1 + max((_depth(path.parent / base) for base in bases if "::" not in base), default=0)
