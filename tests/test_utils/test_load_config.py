"""Misspelt keys of configs and of --cfg-options are named; what OpenMMLab's users write is let through."""

from pathlib import Path

import pytest
from mmengine.utils import get_installed_path

from mmselfhuman.utils import ConfigError, load_config
from mmselfhuman.utils.config import check_keys

TEXT = """
data_root = 'data/'
train_dataloader = dict(
    batch_size=2, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='A', data_root=data_root, pipeline=[dict(type='Load'), dict(type='Flip', prob=0.5)]))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=3)
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "config.py"
    path.write_text(TEXT)
    return path


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"config file not found: .*absent\.py"):
        load_config(tmp_path / "absent.py")


@pytest.mark.parametrize(
    ("line", "key", "meant"),
    [
        ("train_dataloder = dict(batch_size=4)", "train_dataloder", "train_dataloader"),
        ("default_hook = dict()", "default_hook", "default_hooks"),
        ("optim_wraper = dict()", "optim_wraper", "optim_wrapper"),
        ("val_evalutor = dict(type='A')", "val_evalutor", "val_evaluator"),
    ],
)
def test_misspelt_top_level_key_is_named(config_file: Path, line: str, key: str, meant: str) -> None:
    config_file.write_text(f"{TEXT}\n{line}\n")
    with pytest.raises(ConfigError, match=rf"config\.py: '{key}' \(did you mean '{meant}'\?\)"):
        load_config(config_file)


def test_misspelt_key_is_found_among_the_bases(config_file: Path) -> None:
    config_file.write_text(f"{TEXT}\ntrain_cfgs = dict(max_epochs=4)\n")
    child = config_file.with_name("child.py")
    child.write_text("_base_ = './config.py'\n")
    with pytest.raises(ConfigError, match=r"'train_cfgs' \(did you mean 'train_cfg'\?\)"):
        load_config(child)


@pytest.mark.parametrize(
    "lines",
    [
        "unrelated = 3",
        "models = ['a']\nload_from = models[0]",
        "test_pipeline = []\ntrain_pipeline = []",
        "tta_model = dict(type='T')\nsync_bn = 'torch'",
    ],
)
def test_variables_are_no_mistakes(config_file: Path, lines: str) -> None:
    config_file.write_text(f"{TEXT}\n{lines}\n")
    load_config(config_file)


def test_config_of_imports_may_import_what_resembles_a_key(config_file: Path) -> None:
    config_file.write_text("from mmengine.model import BaseModel as modell\nmodel = dict(type=modell)\n")
    assert load_config(config_file).model.type is not None


@pytest.mark.parametrize("package", ["mmseg", "mmdet", "mmpose"])
def test_the_libraries_configs_have_no_mistakes(package: str) -> None:
    from mmengine.config import Config

    folder = Path(get_installed_path(package), ".mim", "configs")
    paths = sorted(path for path in folder.rglob("*.py") if "_base_" not in path.parts)
    assert len(paths) > 100
    for path in paths[:: len(paths) // 20]:
        check_keys(Config.fromfile(path, import_custom_modules=False))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "train_dataloder.batch_size",
            r"no key 'train_dataloder' in .*config\.py \(did you mean 'train_dataloader'\?\)",
        ),
        ("learning_rate", r"no key 'learning_rate' in .*config\.py$"),
        ("train_dataloader.batch_sze", r"no key 'batch_sze' in 'train_dataloader' \(did you mean 'batch_size'\?\)"),
        ("train_dataloader.datset.type", r"no key 'datset' in 'train_dataloader' \(did you mean 'dataset'\?\)"),
        ("train_dataloader.dataset.pipeline.1.probe", r"no key 'probe' in 'train_dataloader\.dataset\.pipeline\.1'"),
        ("train_dataloader.dataset.pipeline.2.prob", r"'train_dataloader\.dataset\.pipeline' is a list of 2 items"),
        ("train_dataloader.dataset.pipeline.last", r"is a list of 2 items and has no item 'last'"),
        ("train_dataloader.batch_size.value", r"'train_dataloader\.batch_size' is 2 and has no key 'value'"),
    ],
)
def test_override_of_what_does_not_exist_is_named(config_file: Path, key: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^--cfg-options {key}: .*{message}"):
        load_config(config_file, {key: 1})


@pytest.mark.parametrize(
    "options",
    [
        {"train_dataloader.batch_size": 8},
        {"train_dataloader.dataset.pipeline.1.prob": 0.0},
        {"train_dataloader.dataset.indices": 10},
        {"randomness.seed": 3},
        {"load_from": "weights.pth"},
        {"train_cfg.val_interval": 2},
        {"optim_wrapper.clip_grad.max_norm": 1},
    ],
)
def test_override_may_change_and_add(config_file: Path, options: dict) -> None:
    config = load_config(config_file, options)
    for key, value in options.items():
        node = config._cfg_dict
        for part in key.split("."):
            node = node[int(part) if part.isdigit() else part]
        assert node == value


def test_override_of_a_variable_warns_that_it_has_been_used(config_file: Path) -> None:
    with pytest.warns(UserWarning, match="'data_root' is a variable"):
        config = load_config(config_file, {"data_root": "elsewhere/"})
    assert config.train_dataloader.dataset.data_root == "data/"
