"""The loop's networks as anybody's: configs and weights that the MM libraries load without what only training needs."""

import shutil
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.registry import MODELS, init_default_scope

from mmselfhuman.engine.self_training.ledger import Result
from mmselfhuman.engine.self_training.stages import digest
from mmselfhuman.engine.self_training.task import Task
from mmselfhuman.models.detectors.checkpoints import load_parts

_LIBRARIES = ("mmseg", "mmpose", "mmdet")
_OWN_LOADING = ("LoadPersonImage", "LoadPersonSegMap")


def export(task: Task) -> Result:
    """Copy the weights of a round, with a config each, to the work dir's folder ``export``."""
    folder = task.work_dir / "export"
    if not is_main_process():
        return Result()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    outputs = {}
    for name, values in task.settings["configs"].items():
        weights = folder / f"{name}.pth"
        shutil.copyfile(task.input(name), weights)
        Config(inference_config(values)).dump(folder / f"{name}.py")
        outputs |= {name: task.relative(weights), f"{name} config": task.relative(folder / f"{name}.py")}
    if task.settings["instances"] is not None:
        outputs |= _instance_segmenter(task.settings["instances"], task, folder)
    digests = {role: result.digest for role, result in task.inputs.items()}
    return Result(outputs, digest(digests), {}, {"round": task.settings["round"]})


def _instance_segmenter(values: dict[str, Any], task: Task, folder: Path) -> dict[str, str]:
    config = Config(values, format_python_code=False)
    init_default_scope(config.get("default_scope", "mmselfhuman"))
    detector = MODELS.build(config.model)
    load_parts(detector, {name: str(folder / f"{name}.pth") for name in task.settings["configs"]})
    torch.save({"state_dict": detector.state_dict(), "meta": {}}, folder / "instances.pth")
    config.dump(folder / "instances.py")
    names = {"instances": "instances.pth", "instances config": "instances.py"}
    return {what: task.relative(folder / name) for what, name in names.items()}


def inference_config(config: dict[str, Any]) -> dict[str, Any]:
    """What is needed to ask a network: its model, and a pipeline that reads an image file.

    The scope is that of the library which the model's type belongs to, so that the library's own tools build it without
    this package, unless the model has parts of this package in it.
    """
    library = str(config["model"].get("type", "")).partition(".")[0]
    scope = library if library in _LIBRARIES and "mmselfhuman" not in repr(config["model"]) else "mmselfhuman"
    kept: dict[str, Any] = {"default_scope": scope, "model": config["model"]}
    if scope == "mmselfhuman":
        kept["custom_imports"] = {"imports": ["mmselfhuman"]}
    if config.get("test_pipeline"):
        own = {f"{prefix}{name}" for name in _OWN_LOADING for prefix in ("", "mmselfhuman.")}
        others = [step for step in config["test_pipeline"] if step["type"] not in own]
        loading = "LoadImage" if library == "mmpose" else "LoadImageFromFile"
        kept["test_pipeline"] = [{"type": loading}, *others]
        loader = {"dataset": {"pipeline": kept["test_pipeline"]}}
        kept["test_dataloader"] = loader
    for name in ("codec", "visualizer"):
        if config.get(name) is not None:
            kept[name] = config[name]
    return kept
