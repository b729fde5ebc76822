"""A detector's config out of the configs of the three networks' own trainings."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from mmengine.config import Config, ConfigDict

from mmselfhuman.models.detectors.checkpoints import PARTS


def compose_detector(configs: Mapping[str, str | Config], **settings: Any) -> ConfigDict:
    """The config of a ``SelfHumanDetector``.

    Each network is taken with what its test pipeline does to an image, Pose2Seg with the crops and maps that it was
    trained on. Nothing is downloaded: weights are to come from checkpoints.

    Args:
        configs: Config files (``'package::file'`` for those of an installed library), or configs, by part: 'pose' (any
            pose estimator of MMPose), 'pose2seg', and 'seg' (any segmentor of MMSegmentation), which may be left out.
        settings: Of :class:`~mmselfhuman.models.detectors.detector.SelfHumanDetector`; those of parts are merged into
            what the configs say, e.g. ``pose2seg=dict(batch_size=8)``.

    Raises:
        ValueError: 'pose' or 'pose2seg' is missing, a part is unknown, or a config has no pipeline that says what the
            part needs.
    """
    unknown = sorted(configs.keys() - PARTS.keys())
    if unknown or not {"pose2seg", "pose"} <= configs.keys() | settings.keys():
        raise ValueError(f"expected configs of 'pose', 'pose2seg' and perhaps 'seg', got {sorted(configs)}")
    model = ConfigDict(type="SelfHumanDetector", _scope_="mmselfhuman")
    for part, given in configs.items():
        config = _read(given) if isinstance(given, str) else given
        model[part] = {"pose": _pose, "seg": _seg, "pose2seg": _pose2seg}[part](config)
    whole = Config({"model": model})
    whole.merge_from_dict({"model": settings})
    return whole.model


def _read(path: str) -> Config:
    if "::" not in path:
        return Config.fromfile(path)
    from mmengine.hub import get_config

    return get_config(path)


def _pose(config: Config) -> dict:
    transforms = _between(config)
    part = {"type": "PoseModule", "estimator": _network(config), "transforms": transforms}
    if not transforms:
        raise ValueError(f"the pipeline of {config.filename} has no transforms that prepare images for poses")
    return part


def _seg(config: Config) -> dict:
    return {"type": "SegModule", "segmentor": _network(config), "transforms": _between(config)}


def _pose2seg(config: Config) -> dict:
    steps = {_kind(step): step for step in test_pipeline(config)}
    crop, maps = steps.get("CropPerson"), steps.get("AddSkeletonMaps")
    if crop is None or maps is None:
        raise ValueError(
            f"the pipeline of {config.filename} has no CropPerson and AddSkeletonMaps, which say what Pose2Seg has "
            f"learned from; it has {list(steps)}"
        )
    part = {"type": "Pose2SegHead", "segmentor": _network(config)}
    part |= {name: crop[name] for name in ("context", "min_side", "whole", "fill") if name in crop}
    part |= {name: maps[name] for name in ("joint_sigma", "limb_sigma", "stride") if name in maps}
    return part | ({"size": tuple(crop["size"])[::-1]} if "size" in crop else {})


def test_pipeline(config: Config) -> Sequence[dict]:
    """The transforms with which a config is tested: of its test loader's first dataset, else under their usual name."""
    for loader in ("test_dataloader", "val_dataloader"):
        for dataset in _datasets((config.get(loader) or {}).get("dataset") or {}):
            if dataset.get("pipeline"):
                return dataset["pipeline"]
    return config.get("test_pipeline") or config.get("val_pipeline") or ()


def _datasets(dataset: dict) -> Iterator[dict]:
    yield dataset
    for inner in [*dataset.get("datasets", ()), *([dataset["dataset"]] if "dataset" in dataset else ())]:
        yield from _datasets(inner)


def _between(config: Config) -> list[dict]:
    """What comes after loading and before packing."""
    steps = [step for step in test_pipeline(config) if not _kind(step).startswith(("Load", "Pack", "TestTimeAug"))]
    return [{"_scope_": config.get("default_scope"), **deepcopy(dict(step))} for step in steps]


def _network(config: Config) -> dict:
    model = deepcopy(config.model)
    for node in _dictionaries(model):
        if node.get("pretrained"):
            node["pretrained"] = False if _kind(node) == "TIMMBackbone" else None
        if (node.get("init_cfg") or {}) and _kind(node["init_cfg"]) == "Pretrained":
            node["init_cfg"] = None
    return {"_scope_": config.get("default_scope"), **model}


def _dictionaries(node: Any) -> Iterator[dict]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list | tuple) else ():
        yield from _dictionaries(child)


def _kind(node: Any) -> str:
    kind = node.get("type", "") if isinstance(node, dict) else ""
    return (kind if isinstance(kind, str) else kind.__name__).rpartition(".")[2]
