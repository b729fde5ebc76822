"""Algorithm 1 as a list of stages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmselfhuman.engine.self_training.binding import HOOKS, bound, kind_of, unrefining
from mmselfhuman.engine.self_training.inputs import annotation_digests, video_listing
from mmselfhuman.engine.self_training.settings import LoopSettings, load_network_config
from mmselfhuman.engine.self_training.stages import WORK_DIR, Stage
from mmselfhuman.pseudo_labels.clip_file import file_digest

LABELS = f"{WORK_DIR}/labels"
"""The store of the rounds' final labels."""

TRAINED = ("seg", "pose", "pose2seg")

GIVEN = {"predictions.test": "predictions as given", "seg.test": "Seg Module before them"}
"""Stages that measure what was there before round 0 began from predictions, and what to call it."""


@dataclass
class Plan:
    """All stages up to the last round that may come.

    Attributes:
        stages: In the order in which they are carried out.
        weights: For each round, which stage leaves the weights of each network when the round is over.
        rounds: At most so many.
    """

    stages: list[Stage] = field(default_factory=list)
    weights: dict[int, dict[str, str]] = field(default_factory=dict)
    rounds: int = 0

    def of_round(self, number: int) -> list[Stage]:
        """The stages of a round."""
        return [stage for stage in self.stages if stage.round == number]


def make_plan(settings: LoopSettings, load: Callable[[str], Mapping[str, Any]] = load_network_config) -> Plan:
    """Plan the loop.

    Args:
        settings: Of the loop.
        load: Reads a network's config.

    Raises:
        ConfigError: A network's config cannot be read, or lacks what its part in the loop needs.
        FileNotFoundError: A video does not exist.
    """
    return _Planner(settings, load).plan()


def export_stage(plan: Plan, settings: LoopSettings, best: int, load: Callable = load_network_config) -> Stage:
    """The stage that hands out the networks of a round."""
    weights = plan.weights[best]
    configs = {name: dict(load(settings.networks[name].config_paths()["test"])) for name in weights}
    instances = settings.networks.get("instances")
    chosen = {
        "configs": configs,
        "instances": None if instances is None else dict(load(instances.config_paths()["test"])),
        "round": best,
    }
    return Stage("export", "export", plan.rounds, chosen, weights, cheap=True)


class _Planner:
    def __init__(self, settings: LoopSettings, load: Callable[[str], Mapping[str, Any]]) -> None:
        self.settings, self._load = settings, load
        self._configs: dict[str, dict[str, Any]] = {}
        self._annotations: dict[str, dict[str, str]] = {}
        self._stages: list[Stage] = []
        self._weights: dict[str, str] = {}
        self._judged: dict[str, str] = {}
        self._videos = {"config": dict(settings.videos), "listing": video_listing(settings.videos)}

    def plan(self) -> Plan:
        plan = Plan(rounds=self.settings.rounds)
        self._begin()
        self._test(0)
        plan.weights[0] = dict(self._weights)
        for number in range(1, self.settings.rounds + 1):
            self._round(number)
            plan.weights[number] = dict(self._weights)
        plan.stages = self._stages
        return plan

    def _begin(self) -> None:
        networks = self.settings.networks
        checked = {"videos": self._videos, "networks": self._checked()}
        checked["transforms"] = self.settings.labels.get("transforms", ())
        checked["predictions"] = self.settings.predictions
        self._add("check", "check", 0, checked, {}, cheap=True)
        for name in TRAINED:
            if name not in networks:
                continue
            if networks[name].checkpoint:
                settings = {"checkpoint": networks[name].checkpoint, "sha256": _digest(networks[name].checkpoint)}
                self._weights[name] = self._add(f"{name}.load", "load", 0, settings, {})
            else:
                stage = f"{name}.pretrain"
                config = bound(self._config(networks[name].pretrain), f"{WORK_DIR}/stages/{stage}/pseudo_labels")
                inputs = {"weights": self._weights[networks[name].init]} if networks[name].init else {}
                self._weights[name] = self._train(stage, 0, config, networks[name].pretrain, inputs)
        if self.settings.predictions is not None:
            self._test_given(dict(self.settings.predictions))
            self._labels(0, networks=False)
            self._finetune("seg", 0)

    def _round(self, number: int) -> None:
        for name, kind, refinements in (
            ("seg", "tpr", self.settings.n_tpr),
            ("pose", "gbsr", self.settings.n_gbsr),
        ):
            network = self.settings.networks.get(name)
            if network is None or not network.refine:
                continue
            if not refinements:
                self._poses(number)
                continue
            stage = f"round{number}.{kind}"
            config = bound(
                self._config(network.refine),
                f"{WORK_DIR}/stages/{stage}/pseudo_labels",
                HOOKS[name],
                self.settings.videos,
                refinements,
                self.settings.window,
                self.settings.predictions if name == "seg" else None,
            )
            inputs = {"weights": self._weights[name]}
            self._weights[name] = self._train(stage, number, config, network.refine, inputs, videos=True)
            self._judged[f"{kind}{number}"] = stage
        self._labels(number)
        for name in ("seg", "pose2seg"):
            if name in self.settings.networks and self.settings.networks[name].finetune:
                self._finetune(name, number)
        self._test(number)
        self._verdict(number)

    def _poses(self, number: int) -> None:
        """Poses as the Pose Module finds them, for Pose2Seg to work with: what is left of GBSR when it is left out."""
        stage = f"round{number}.poses"
        settings = {
            "hook": unrefining(self._config(self.settings.networks["pose"].refine), HOOKS["pose"]),
            "network": self._model("pose"),
            "videos": self._videos,
        }
        self._judged[f"gbsr{number}"] = self._add(stage, "poses", number, settings, {"pose": self._weights["pose"]})

    def _labels(self, number: int, networks: bool = True) -> None:
        settings = {
            **self.settings.labels,
            "window": self.settings.window,
            "videos": self._videos,
            "store": {**self.settings.labels.get("store", {}), "root": LABELS},
            "predictions": self.settings.predictions,
            "pictures": self.settings.pictures,
            "networks": {},
        }
        inputs = {}
        if networks:
            asked = ["seg", *(["pose2seg"] if "pose2seg" in self._weights else [])]
            settings["networks"] = {name: self._model(name) for name in asked}
            inputs = {name: self._weights[name] for name in asked}
            if "pose2seg" in asked:
                inputs["poses"] = self._judged[f"gbsr{number}"]
            before = self._labels_before(number)
            if before is not None:
                inputs["before"] = before
        stage = self._add(f"round{number}.labels", "label", number, settings, inputs)
        self._judged[f"labels{number}"] = stage

    def _labels_before(self, number: int) -> str | None:
        """The stage whose labels a round's are compared with: what the networks said before it."""
        earlier = self._judged.get(f"labels{number - 1}")
        return earlier or self._judged.get(f"tpr{number}")

    def _finetune(self, name: str, number: int) -> None:
        path = self.settings.networks[name].finetune
        inputs = {"weights": self._weights[name], "labels": f"round{number}.labels"}
        self._weights[name] = self._train(
            f"round{number}.{name}", number, bound(self._config(path), LABELS), path, inputs
        )

    def _test(self, number: int) -> None:
        held_out = self.settings.held_out
        for name, network in self.settings.networks.items():
            path = network.config_paths()["test"]
            settings = {"config": bound(self._config(path), LABELS), "annotations": self._annotated(path), "val": False}
            if held_out is not None and held_out.network == name:
                settings["val"] = True
            inputs = dict(self._weights) if name == "instances" else {name: self._weights[name]}
            stage = self._add(f"round{number}.test.{name}", "test", number, {**settings, "network": name}, inputs)
            self._judged[f"test{number}.{name}"] = stage

    def _test_given(self, predictions: dict[str, Any]) -> None:
        path = self.settings.networks["seg"].config_paths()["test"]
        settings = {"config": bound(self._config(path), LABELS), "annotations": self._annotated(path), "network": "seg"}
        source = ((settings["config"].get("test_dataloader") or {}).get("dataset") or {}).get("source") or {}
        if kind_of(source) == "AnnotatedVideos":
            self._add("predictions.test", "score", 0, {**settings, "predictions": predictions}, {})
        self._add("seg.test", "test", 0, {**settings, "val": False}, {"seg": self._weights["seg"]})

    def _verdict(self, number: int) -> None:
        held_out = self.settings.held_out
        settings = {
            "round": number,
            "agreement": self.settings.agreement,
            "guard": vars(self.settings.guard),
            "held_out": None if held_out is None else vars(held_out),
        }
        self._add(f"round{number}.verdict", "verdict", number, settings, dict(self._judged), cheap=True)

    def _train(
        self, stage: str, number: int, config: dict, path: str, inputs: dict[str, str], videos: bool = False
    ) -> str:
        if self.settings.seed is not None:
            config = {**config, "randomness": {**(config.get("randomness") or {}), "seed": self.settings.seed}}
        settings = {"config": config, "annotations": self._annotated(path)}
        if videos:
            settings["listing"] = self._videos["listing"]
        return self._add(stage, "train", number, settings, inputs)

    def _model(self, name: str) -> dict[str, Any]:
        """What has to be known of a network to ask it."""
        config = self._config(self.settings.networks[name].config_paths()["test"])
        keys = ("model", "default_scope", "custom_imports", "test_pipeline")
        return {key: config[key] for key in keys if config.get(key) is not None}

    def _checked(self) -> dict[str, Any]:
        """Everything that can be wrong with the networks."""
        return {
            name: {
                "checkpoint": network.checkpoint,
                "configs": {kind: self._config(path) for kind, path in network.config_paths().items()},
            }
            for name, network in self.settings.networks.items()
        }

    def _config(self, path: str) -> dict[str, Any]:
        if path not in self._configs:
            self._configs[path] = dict(self._load(path))
        return self._configs[path]

    def _annotated(self, path: str) -> dict[str, str]:
        if path not in self._annotations:
            self._annotations[path] = annotation_digests(self._config(path))
        return self._annotations[path]

    def _add(self, name: str, kind: str, number: int, settings: dict, inputs: dict, cheap: bool = False) -> str:
        self._stages.append(Stage(name, kind, number, settings, inputs, cheap))
        return name


def _digest(checkpoint: str) -> str:
    return checkpoint if "://" in checkpoint else file_digest(checkpoint)
