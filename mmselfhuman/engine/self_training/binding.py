"""A network's own config, with the loop's stores, videos and numbers put in."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from mmselfhuman.engine.self_training.stages import WORK_DIR
from mmselfhuman.utils import ConfigError

HOOKS = {"seg": "TPRHook", "pose": "GBSRHook"}


def bound(
    config: Mapping[str, Any],
    store: str,
    hook: str | None = None,
    videos: Mapping[str, Any] | None = None,
    refinements: int | None = None,
    window: int | None = None,
    predictions: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A copy of a config whose training reads and writes pseudo-labels where the loop wants them.

    Args:
        config: As :func:`~mmselfhuman.engine.self_training.settings.load_network_config` gives it.
        store: The store that every ``PseudoLabels`` source reads.
        hook: Type of the hook that labels the videos during training, which ``videos``, ``refinements`` and ``window``
            are for; ``None`` if the training only reads labels. The training is made as long as its alternations take,
            and schedules that lasted as long as the training still do.
        videos: What it labels.
        refinements: How often it does.
        window: Over how many frames it refines.
        predictions: Of the same videos, which have a say in its labels.

    Raises:
        ConfigError: The config lacks the hook.
    """
    bound = deepcopy(dict(config))
    for node in dictionaries(bound):
        if kind_of(node) == "PseudoLabels":
            node["store"] = store
    if hook is None:
        return bound
    settings = _hook(bound, hook)
    settings["videos"] = deepcopy(dict(videos or {}))
    settings["refiner"] = {**({"rounds": 1} if hook == HOOKS["seg"] else {}), **(settings.get("refiner") or {})}
    settings["refiner"]["window"] = window
    settings["rounds"] = refinements
    if predictions is not None:
        settings["predictions"] = dict(predictions)
    _set_length(bound, settings.get("start", 0) + refinements * settings["interval"])
    return bound


def unrefining(config: Mapping[str, Any], hook: str) -> dict[str, Any]:
    """The hook of a config that labels poses, set to leave them as they are found, and not to say where they go.

    Raises:
        ConfigError: The config lacks the hook.
    """
    settings = deepcopy(_hook(dict(config), hook))
    store = settings.get("store")
    kept = {key: value for key, value in store.items() if key != "root"} if isinstance(store, Mapping) else {}
    return {**settings, "segment": 1, "store": kept}


def placed(value: Any, work_dir: str) -> Any:
    """Settings with :data:`~mmselfhuman.engine.self_training.stages.WORK_DIR` replaced by the work dir."""
    if isinstance(value, Mapping):
        return {key: placed(item, work_dir) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(placed(item, work_dir) for item in value)
    return value.replace(WORK_DIR, work_dir) if isinstance(value, str) else value


def reads_pseudo_labels(config: Mapping[str, Any]) -> bool:
    """Whether a config's training data come from a store, among others."""
    return any(kind_of(node) == "PseudoLabels" for node in dictionaries(config.get("train_dataloader") or {}))


def has_hook(config: Mapping[str, Any], hook: str) -> bool:
    """Whether a config has a hook of a type."""
    return any(kind_of(item) == hook for item in config.get("custom_hooks") or ())


def dictionaries(node: Any) -> Iterator[dict[str, Any]]:
    """All dictionaries in a config, the outer ones first."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list | tuple) else ():
        yield from dictionaries(child)


def kind_of(node: Mapping[str, Any]) -> str:
    """The type that a dictionary in a config names, without its scope."""
    return str(node.get("type", "")).rpartition(".")[2]


def _hook(config: dict[str, Any], name: str) -> dict[str, Any]:
    for hook in config.get("custom_hooks") or ():
        if kind_of(hook) == name:
            return hook
    raise ConfigError(f"a training that refines its labels needs the hook {name} in custom_hooks, and there is none")


def _set_length(config: dict[str, Any], length: int) -> None:
    key = "max_epochs" if "max_epochs" in config["train_cfg"] else "max_iters"
    before = config["train_cfg"].get(key)
    config["train_cfg"][key] = length
    schedules = config.get("param_scheduler") or []
    for schedule in schedules if isinstance(schedules, list | tuple) else [schedules]:
        begin, period = schedule.get("begin", 0), schedule.get("T_max")
        begins = begin
        if schedule.get("end") == before:
            schedule["end"] = length
            if before and begin >= length:  # what a long training does in its second half, say, a short one does, too
                schedule["begin"] = begins = begin * length // before
        if period == before:
            schedule["T_max"] = length
        elif before and period == before - begin:
            schedule["T_max"] = length - begins
