"""Instance segmenters of a few thousand weights, and poses for them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from torch import nn

from mmselfhuman.registry import MODELS
from mmselfhuman.structures import NUM_JOINTS
from mmselfhuman.utils import load_config

ROOT = Path(__file__).resolve().parents[1]
SMALL = ROOT / "configs/instance/selfhuman-small_synthetic-128x128.py"
GIVEN = ROOT / "configs/instance/selfhuman-small_given-poses_synthetic-128x128.py"


def tiny_config(path: Path = SMALL) -> Config:
    """A config of the small scale with networks a few channels wide."""
    config = load_config(path)
    for node in _dictionaries(config.model):
        for key in ("base_channels", "in_channels", "channels"):
            if node.get(key) in (16, 24):
                node[key] = 4
    config.model.pose2seg.size = (48, 48)
    config.model.pose2seg.segmentor.data_preprocessor.size = (48, 48)
    return config


def tiny_detector(path: Path = GIVEN, seed: int = 0, **settings: Any) -> nn.Module:
    """A detector with random weights, strong enough for masks to have shapes."""
    config = tiny_config(path)
    whole = Config({"model": config.model})
    whole.merge_from_dict({"model": settings})
    with DefaultScope.overwrite_default_scope("mmselfhuman"):
        return shaken(MODELS.build(whole.model), seed)


def shaken(model: nn.Module, seed: int = 0) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5 * 2, generator=generator)
        else:
            nn.init.normal_(parameter, std=0.3, generator=generator)
            parameter.data += 0.5
    return model.eval()


def random_poses(count: int, size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """``(count, 17, 3)`` of ``(x, y, v)``, each within a third of the frame, all joints visible."""
    rng = np.random.default_rng(seed)
    sides = np.array(size[::-1])
    corners = rng.random((count, 1, 2)) * sides * 2 / 3
    points = corners + rng.random((count, NUM_JOINTS, 2)) * sides / 3
    return np.concatenate([points, np.full((count, NUM_JOINTS, 1), 2.0)], axis=-1).astype(np.float32)


def sample(poses: np.ndarray, size: tuple[int, int], **metainfo: Any) -> Any:
    """A data sample with annotated poses."""
    from mmdet.structures import DetDataSample

    instances = [{"keypoints": pose.flatten().tolist(), "bbox": _box(pose), "ignore_flag": 0} for pose in poses]
    given = {"img_shape": size, "ori_shape": size, "img_path": "image.png", "instances": instances}
    return DetDataSample(metainfo={**given, **metainfo})


def noise(size: tuple[int, int], seed: int = 0) -> torch.Tensor:
    """``(3, H, W)`` uint8."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, *size), generator=generator, dtype=torch.uint8)


def _box(pose: np.ndarray) -> list[float]:
    return [*pose[:, :2].min(0).tolist(), *pose[:, :2].max(0).tolist()]


def _dictionaries(node: Any) -> list[ConfigDict]:
    found = [node] if isinstance(node, dict) else []
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list | tuple) else ():
        found += _dictionaries(child)
    return found
