"""From what a user names to a detector with weights."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.infer.infer import BaseInferencer
from mmengine.registry import DefaultScope
from mmengine.runner import load_checkpoint
from torch import nn

from mmselfhuman.models.detectors.checkpoints import PARTS, load_parts
from mmselfhuman.models.detectors.compose import compose_detector
from mmselfhuman.registry import MODELS
from mmselfhuman.utils import only_weights

Weights = str | os.PathLike | Mapping[str, str] | None


def of_self_training(work_dir: str | os.PathLike) -> tuple[Config | ConfigDict, Weights]:
    """What a finished self-training has handed out: its instance segmenter, or else one made of its networks.

    Args:
        work_dir: Of ``tools/self_train.py``.

    Returns:
        The config and the weights.

    Raises:
        ValueError: It is not the work dir of a self-training, or it is not finished, or it has trained no Pose Module
            or Pose2Seg.
    """
    from mmselfhuman.engine.self_training import Ledger

    ledger = Ledger(work_dir)
    result = ledger.result("export")
    if result is None:
        state = f"its stages so far: {', '.join(ledger.names())}" if ledger.names() else "it has no ledger"
        raise ValueError(f"{work_dir} is not the work dir of a finished self-training; {state}")
    outputs = {name: str(Path(work_dir) / path) for name, path in result.outputs.items()}
    if "instances config" in outputs:
        return Config.fromfile(outputs["instances config"]), outputs["instances"]
    configs = {part: outputs[f"{part} config"] for part in PARTS if f"{part} config" in outputs}
    missing = {"pose", "pose2seg"} - configs.keys()
    if missing:
        raise ValueError(
            f"the self-training in {work_dir} has handed out {sorted(configs)}, but persons are segmented with a Pose "
            f"Module and Pose2Seg; give {' and '.join(sorted(missing))} as configs and weights"
        )
    return composed(configs), {part: outputs[part] for part in configs}


def of_model_index(name: str) -> tuple[Config, str | None]:
    """A model by its name in ``model-index.yml``.

    Returns:
        Its config, and where its weights are; ``None`` if none are published.

    Raises:
        ValueError: There is no such model.
    """
    folder = BaseInferencer._get_repo_or_mim_dir("mmselfhuman")
    models = {model["Name"]: model for model in BaseInferencer._get_models_from_metafile(folder)}
    if name not in models:
        raise ValueError(f"{name!r} is no config file, no work dir, and none of the models {sorted(models)}")
    config = Config.fromfile(os.path.join(folder, models[name]["Config"]))
    return config, models[name].get("Weights")


def load_detector(config: Config | ConfigDict, weights: Weights, device: str, settings: Mapping[str, Any]) -> nn.Module:
    """Build a detector, load its weights and make it ready.

    Args:
        config: Has ``model``.
        weights: A checkpoint of the whole, or one for each part; ``None``: as initialised.
        device: Where it is to run.
        settings: Override those of the model.

    Raises:
        TypeError: The model is no ``SelfHumanDetector``.
    """
    from mmselfhuman.models.detectors.detector import SelfHumanDetector

    whole = Config({"model": config.model})
    whole.merge_from_dict({"model": dict(settings)})
    with DefaultScope.overwrite_default_scope(config.get("default_scope", "mmselfhuman")):
        model = MODELS.build(whole.model)
    if not isinstance(model, SelfHumanDetector):
        raise TypeError(f"expected the config of a SelfHumanDetector, got one of {type(model).__name__}")
    if isinstance(weights, Mapping):
        load_parts(model, weights)
    elif weights is not None:
        with only_weights():
            load_checkpoint(model, str(weights), map_location="cpu", strict=True)
    return model.to(device).eval()


def composed(configs: Mapping[str, str]) -> ConfigDict:
    """The configs of three networks as that of a detector."""
    return ConfigDict(default_scope="mmselfhuman", model=compose_detector(configs))
