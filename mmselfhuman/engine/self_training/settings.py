"""The loop's own config: the names and numbers of Algorithm 1."""

import os
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmselfhuman.engine.self_training.binding import kind_of
from mmselfhuman.engine.self_training.guards import Guard
from mmselfhuman.utils import ConfigError, load_config

NETWORKS = ("seg", "pose", "pose2seg", "instances")


@dataclass(frozen=True)
class Network:
    """Which ordinary configs make a network what it is; each a file of MMEngine's.

    Attributes:
        pretrain: Trains it on labelled data.
        checkpoint: Weights instead of that.
        init: The network whose first weights ``pretrain`` begins with; ``'seg'`` for Pose2Seg, say.
        refine: Seg: TPR alternation, a config with ``TPRHook``. Pose: GBSR alternation, with ``GBSRHook``.
        finetune: Trains it on labelled data and the round's final labels.
        test: Tests it; the first of ``pretrain``, ``refine``, ``finetune`` if left out.
    """

    pretrain: str | None = None
    checkpoint: str | None = None
    init: str | None = None
    refine: str | None = None
    finetune: str | None = None
    test: str | None = None

    def config_paths(self) -> dict[str, str]:
        """The config files, by what they are for."""
        chosen = {name: getattr(self, name) for name in ("pretrain", "refine", "finetune", "test")}
        chosen["test"] = chosen["test"] or next((path for path in chosen.values() if path), None)
        return {name: path for name, path in chosen.items() if path}


@dataclass(frozen=True)
class HeldOut:
    """A labelled set that decides which round is best: one network's ``val_dataloader`` and a number from it.

    Attributes:
        network: Which.
        metric: The name that the validation gives it; higher is better.
    """

    network: str
    metric: str


@dataclass(frozen=True)
class LoopSettings:
    """What a loop config says.

    Attributes:
        networks: By name, of :data:`NETWORKS`. ``seg`` there must be; ``pose2seg`` needs ``pose``; ``instances``, the
            instance segmenter made of the three, is only tested.
        videos: Config of the unlabelled videos.
        rounds: At most so many rounds.
        n_tpr: N_TPR, refinements of masks and flow in a round, each followed by training.
        n_gbsr: N_GBSR, refinements of poses in a round. With 0, Pose2Seg works with poses as they are found, and the
            Pose Module does not learn.
        window: Win_temporal, in TPR and in GBSR.
        seed: Of every training, in place of ``randomness.seed`` in the networks' configs.
        agreement: IoU of final prediction and Seg Module beyond which the loop ends.
        labels: How final labels are made: ``refiner``, ``threshold``, ``batch_size``, ``background``, ``transforms``
            and ``guard`` as in ``TPRHook``; ``store``, settings of the store; ``fusion`` and ``person_threshold`` of
            :class:`~mmselfhuman.engine.self_training.fusion.FusedLabelMaker`.
        predictions: Masks or logits on disk which round 0 begins from, and which have a say in all rounds' labels:
            ``folder``, ``num_classes``, ``foreground`` of
            :class:`~mmselfhuman.engine.label_making.StoredPredictions`.
        guard: When a round counts as worse.
        held_out: What decides instead of signals.
        keep: ``'needed'`` deletes what no later stage needs when a round is over (labels of earlier rounds, checkpoints
            for resuming); ``'all'`` nothing.
        pictures: How many frames, of those that changed most, a round shows.
        jobs: How many stages are carried out side by side where none needs another's result (the Seg and the Pose
            Module's trainings; tests), each with its share of the CPU's threads. Ranks of a launcher carry out one
            stage at a time, together.
    """

    networks: Mapping[str, Network]
    videos: Mapping[str, Any]
    rounds: int = 3
    n_tpr: int = 5
    n_gbsr: int = 1
    window: int = 3
    seed: int | None = None
    agreement: float = 0.95
    labels: Mapping[str, Any] = field(default_factory=dict)
    predictions: Mapping[str, Any] | None = None
    guard: Guard = field(default_factory=Guard)
    held_out: HeldOut | None = None
    keep: str = "needed"
    pictures: int = 6
    jobs: int = 1


def load_settings(
    path: str | os.PathLike, options: Mapping[str, Any] | None = None, videos: Sequence[str] = ()
) -> LoopSettings:
    """Read a loop config.

    Paths of the networks' configs and checkpoints are relative to the loop config, or to the current folder.

    Args:
        path: Of the file, an ordinary one of MMEngine's (``_base_``, variables).
        options: Values by dotted path that replace those of the file, e.g. ``{'networks.seg.checkpoint': 'a.pth'}``.
        videos: Paths that replace those of the file; its other settings of ``UnlabelledVideos`` stay.

    Raises:
        FileNotFoundError: There is no such file.
        ConfigError: It cannot mean what it says; all that is wrong with it is in one message.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"config file not found: {path}")
    config = Config.fromfile(path)
    if videos:
        settings = config.get("videos")
        kept = settings if isinstance(settings, Mapping) and kind_of(settings) == "UnlabelledVideos" else {}
        config.videos = {"type": "UnlabelledVideos", **kept, "paths": list(videos)}
    config.merge_from_dict(deepcopy(dict(options or {})))  # merging takes its marks out of what is merged
    return settings_from(config.to_dict(), str(path))


def settings_from(values: Mapping[str, Any], origin: str) -> LoopSettings:
    """The settings in a dictionary.

    Args:
        values: What the config says.
        origin: Its file, for messages and relative paths.

    Raises:
        ConfigError: As of :func:`load_settings`.
    """
    problems: list[str] = []
    known = {item.name for item in fields(LoopSettings)}
    chosen = {}
    for key, value in values.items():
        if key in known:
            chosen[key] = value
        else:
            problems.append(f"unknown key '{key}'{_hint(key, known)}")
    chosen["networks"] = _networks(chosen.get("networks"), Path(origin).parent, problems)
    chosen["guard"] = _built(Guard, "guard", chosen.get("guard") or {}, problems) or Guard()
    if chosen.get("held_out"):
        chosen["held_out"] = _built(HeldOut, "held_out", chosen["held_out"], problems)
    problems += _numbers(chosen)
    if not isinstance(chosen.get("videos"), Mapping):
        problems.append("'videos' must be the config of the unlabelled videos, or give --videos PATH ...")
        chosen["videos"] = {}
    if problems:
        raise ConfigError(f"{origin}: " + "; ".join(problems))
    settings = LoopSettings(**chosen)
    _check_networks(settings, origin)
    return settings


def load_network_config(path: str) -> dict[str, Any]:
    """A network's config as a dictionary, checked for misspelt keys.

    Raises:
        ConfigError: A key is misspelt, or the file cannot be read.
    """
    try:
        return load_config(path).to_dict()
    except ConfigError:
        raise
    except Exception as error:  # a config is a program, and may fail in any way
        raise ConfigError(f"{path} cannot be read: {type(error).__name__}: {error}") from error


def _networks(values: Any, folder: Path, problems: list[str]) -> dict[str, Network]:
    if not isinstance(values, Mapping) or "seg" not in values:
        problems.append("'networks' must be a dictionary with at least 'seg'")
        return {}
    found = {}
    for name, entry in values.items():
        if name not in NETWORKS:
            problems.append(f"networks: unknown network '{name}'{_hint(name, set(NETWORKS))}")
            continue
        network = _built(Network, f"networks.{name}", entry, problems)
        if network is None:
            continue
        given = {item.name: getattr(network, item.name) for item in fields(Network)}
        wrong = [key for key, value in given.items() if not isinstance(value, str | None)]
        problems += [f"'networks.{name}.{key}' must be text, got {given[key]!r}" for key in wrong]
        paths = {key: _found(value, folder) for key, value in given.items() if key not in ("init", *wrong)}
        found[name] = replace(network, **paths)
    return found


def _found(path: str | None, folder: Path) -> str | None:
    beside = folder / path if path else None
    return str(beside) if beside is not None and beside.exists() else path


def _built(kind: type, name: str, values: Any, problems: list[str]) -> Any:
    known = {item.name for item in fields(kind)}
    if not isinstance(values, Mapping):
        problems.append(f"'{name}' must be a dictionary, got {values!r}")
        return None
    unknown = [key for key in values if key not in known]
    problems += [f"{name}: unknown key '{key}'{_hint(key, known)}" for key in unknown]
    try:
        return kind(**{key: value for key, value in values.items() if key in known})
    except (TypeError, ValueError) as error:
        problems.append(f"{name}: {error}")
        return None


def _numbers(values: Mapping[str, Any]) -> list[str]:
    problems = []
    least = {"rounds": 1, "n_tpr": 1, "n_gbsr": 0, "window": 2, "pictures": 0, "jobs": 1}
    for name, minimum in least.items():
        value = values.get(name, minimum)
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            problems.append(f"'{name}' must be a whole number of at least {minimum}, got {value!r}")
    seed = values.get("seed")
    if isinstance(seed, bool) or not isinstance(seed, int | None) or (seed or 0) < 0:
        problems.append(f"'seed' must be a whole number of at least 0, got {seed!r}")
    agreement = values.get("agreement", 0.95)
    if isinstance(agreement, bool) or not isinstance(agreement, int | float) or not 0 < agreement <= 1:
        problems.append(f"'agreement' must be an IoU in (0, 1], got {agreement!r}")
    if values.get("keep", "all") not in ("all", "needed"):
        problems.append(f"'keep' must be 'needed' or 'all', got {values['keep']!r}")
    return problems


def _check_networks(settings: LoopSettings, origin: str) -> None:
    problems = []
    for name, network in settings.networks.items():
        for kind, path in network.config_paths().items():
            if not Path(path).is_file():
                problems.append(f"networks.{name}.{kind}: config file not found: {path}")
        if network.checkpoint and "://" not in network.checkpoint and not Path(network.checkpoint).is_file():
            problems.append(f"networks.{name}.checkpoint: file not found: {network.checkpoint}")
        if name == "instances" and not network.config_paths():
            problems.append("networks.instances needs 'test', a config")
        elif name != "instances" and not (network.pretrain or network.checkpoint):
            problems.append(f"networks.{name} needs 'pretrain', a config, or 'checkpoint', weights")
        elif network.init is not None and network.init not in NETWORKS[: NETWORKS.index(name)]:
            problems.append(f"networks.{name}.init: '{network.init}' is no network that is trained before it")
        elif not network.config_paths():
            problems.append(f"networks.{name} needs a config beside its checkpoint")
    if not (settings.networks["seg"].refine or settings.networks["seg"].finetune):
        problems.append("networks.seg needs 'refine', a config with TPRHook, or 'finetune'")
    if "pose2seg" in settings.networks and not getattr(settings.networks.get("pose"), "refine", None):
        problems.append("networks.pose2seg needs networks.pose.refine, a config with GBSRHook, which makes its poses")
    if settings.held_out is not None and settings.held_out.network not in settings.networks:
        problems.append(f"held_out: there is no network '{settings.held_out.network}'")
    if settings.predictions is not None and not settings.networks["seg"].finetune:
        problems.append("'predictions' needs networks.seg.finetune, a config that trains on the labels made of them")
    if problems:
        raise ConfigError(f"{origin}: " + "; ".join(problems))


def _hint(name: str, known: set[str]) -> str:
    meant = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f" (did you mean '{meant[0]}'?)" if meant else f" (known: {', '.join(sorted(known))})"
