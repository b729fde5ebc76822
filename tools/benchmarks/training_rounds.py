"""Trainings with rounds of pseudo-labels, tested before and after every round: what their benchmarks share."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config, DictAction
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import Clip
from mmselfhuman.utils import load_config


@dataclass(frozen=True)
class RoundsBenchmark:
    """One benchmark's own part.

    Attributes:
        hook: Type of the hook that makes the labels.
        metric: How the name of the metric ends, after that of the test set.
        factor: From the metric's value to percent.
        title: What the scores are.
        label_quality: Of a store and its videos, by round.
        seeds_are_the_videos: The videos change with the seed of the training.
    """

    hook: str
    metric: str
    factor: float
    title: str
    label_quality: Callable[[PseudoLabelStore, Sequence[Clip]], dict[int, dict[str, float]]]
    seeds_are_the_videos: bool

    def run(self, description: str) -> None:
        """Parse the command line, train once per seed, and print Markdown."""
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("config", help=f"of a training with {self.hook} over synthetic videos")
        parser.add_argument("--checkpoints", nargs="+", required=True, help="where the training of each seed begins")
        parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
        parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/training_rounds"))
        parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="as of train.py")
        parser.add_argument("--threads", type=int, default=1)
        arguments = parser.parse_args()
        torch.set_num_threads(arguments.threads)
        cv2.setNumThreads(arguments.threads)
        start, scores, quality = time.time(), {}, {}
        for seed, checkpoint in zip(arguments.seeds, arguments.checkpoints, strict=True):
            folder = arguments.work_dir / f"seed{seed}"
            config, steps = self._training(arguments.config, checkpoint, seed, folder, arguments.cfg_options)
            runner, keeper = Runner.from_cfg(config), ScoreKeeper(self.metric, self.factor)
            runner.register_hook(keeper)
            runner.train()
            scores[seed] = keeper.scores
            (hook,) = (hook for hook in runner.hooks if type(hook).__name__ == self.hook)
            quality[seed] = self.label_quality(hook.store, hook.videos)
            print_scores({seed: scores[seed]}, steps)
            print_labels({seed: quality[seed]})
        print(f"{self.title} in percent, seeds {' '.join(map(str, scores))}; {time.time() - start:.0f} s\n")
        print_scores(scores, steps)
        print_labels(quality)

    def _training(
        self, path: str, checkpoint: str, seed: int, folder: Path, options: dict | None
    ) -> tuple[Config, int]:
        """The config of one training, validated on the test sets after every round, and the steps of a round."""
        config = load_config(path, options)
        (hook,) = (hook for hook in config.custom_hooks if hook["type"].endswith(self.hook))
        if self.seeds_are_the_videos:
            hook["videos"]["seed"] = seed
        config.load_from, config.work_dir, config.randomness = checkpoint, str(folder), {"seed": seed}
        config.train_dataloader.dataset.pseudo.source.store = str(folder / "pseudo_labels")
        for part in ("dataloader", "evaluator"):
            config[f"val_{part}"] = config[f"test_{part}"]
        config.train_cfg.val_interval = hook["interval"]
        return config, hook["interval"]


class ScoreKeeper(Hook):
    """Validates before training too, and keeps what validation says, by iteration."""

    priority = "LOWEST"

    def __init__(self, metric: str, factor: float) -> None:
        self.metric, self.factor = metric, factor
        self.scores: dict[int, dict[str, float]] = {}

    def before_train(self, runner: Runner) -> None:
        runner.val_loop.run()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self.scores[runner.iter] = {
            name.removesuffix(self.metric): self.factor * value
            for name, value in metrics.items()
            if name.endswith(self.metric)
        }


def print_scores(scores: dict[int, dict[int, dict[str, float]]], steps: int) -> None:
    """Per test set, by seed: before, and after every round."""
    moments = sorted(next(iter(scores.values())))
    for name in next(iter(scores.values()))[moments[0]]:
        table = {str(seed): [each[moment][name] for moment in moments] for seed, each in scores.items()}
        gains = [values[-1] - values[0] for values in table.values()]
        table["mean"] = list(np.mean(list(table.values()), axis=0))
        print(f"| {name}, seed | before | {' | '.join(f'{moment // steps} rounds' for moment in moments[1:])} | gain |")
        print("|---|" + "---|" * (len(moments) + 1))
        for (row, values), gain in zip(table.items(), [*gains, float(np.mean(gains))], strict=True):
            print(f"| {row} | {' | '.join(f'{value:.2f}' for value in values)} | {gain:+.2f} |")
        if len(gains) > 1:
            print(f"\nStandard deviation of the gains: {np.std(gains, ddof=1):.2f}")
        print()


def print_labels(quality: dict[int, dict[int, dict[str, float]]]) -> None:
    """By round: means over the seeds."""
    rounds = sorted(next(iter(quality.values())))
    names = next(iter(quality.values()))[rounds[0]]
    print("| labels of round | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for number in rounds:
        means = [np.mean([each[number][name] for each in quality.values()]) for name in names]
        print(f"| {number} | " + " | ".join(f"{value:.2f}" for value in means) + " |")
    print(flush=True)
