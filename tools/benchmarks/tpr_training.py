"""What rounds of TPR training are worth: the network after each of them, and the labels that it learned from.

    python tools/benchmarks/tpr_training.py CONFIG --checkpoints A.pth B.pth C.pth --seeds 0 1 2 --work-dir FOLDER

Trains a config with ``TPRHook`` over synthetic videos once per seed, from the network given for that seed, and tests it
as ``tools/test.py`` would, before training and after every round. Prints Markdown: person IoU on all test sets of the
config, and precision, recall and unsure pixels of the labels of each round against the truth. Where the schedule of
learning rates does not look beyond a round, the network after n rounds is that of a training with n rounds.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config, DictAction
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmselfhuman.engine.hooks import TPRHook
from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import UNSURE, Clip
from mmselfhuman.utils import load_config

METRIC = "/IoU_person"


class ScoreKeeper(Hook):
    """Validates before training too, and keeps what validation says, by iteration."""

    priority = "LOWEST"

    def __init__(self) -> None:
        self.scores: dict[int, dict[str, float]] = {}

    def before_train(self, runner: Runner) -> None:
        runner.val_loop.run()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        found = {name.removesuffix(METRIC): value for name, value in metrics.items() if name.endswith(METRIC)}
        self.scores[runner.iter] = found


def training(path: str, checkpoint: str, seed: int, folder: Path, options: dict | None) -> tuple[Config, int]:
    """The config of one training, validated on the test sets after every round, and the steps of a round."""
    config = load_config(path, options)
    (hook,) = (hook for hook in config.custom_hooks if hook["type"].endswith("TPRHook"))
    config.load_from, config.work_dir, config.randomness = checkpoint, str(folder), {"seed": seed}
    config.train_dataloader.dataset.pseudo.source.store = str(folder / "pseudo_labels")
    for part in ("dataloader", "evaluator"):
        config[f"val_{part}"] = config[f"test_{part}"]
    config.train_cfg.val_interval = hook["interval"]
    return config, hook["interval"]


def label_quality(store: PseudoLabelStore, videos: Sequence[Clip]) -> dict[int, dict[str, float]]:
    """Of the persons in each round, over all pixels that are sure: precision, recall, IoU; and the share of unsure."""
    truths = {clip.name: [clip.truth(index).owners >= 0 for index in range(len(clip))] for clip in videos}
    result = {}
    for number in store.rounds():
        found = both = present = unsure = pixels = 0
        for name, masks in truths.items():
            for label in store.read(number).clip(name):
                truth, sure = masks[label.frame], label.semantic != UNSURE
                person = sure & (label.semantic > 0)
                found, present = found + person.sum(), present + (truth & sure).sum()
                both, unsure, pixels = both + (truth & person).sum(), unsure + (~sure).sum(), pixels + sure.size
        result[number] = {
            "precision": 100 * both / found,
            "recall": 100 * both / present,
            "IoU": 100 * both / (found + present - both),
            "unsure": 100 * unsure / pixels,
        }
    return result


def print_scores(scores: dict[int, dict[int, dict[str, float]]], steps: int) -> None:
    """Per test set, by seed: before, and after every round."""
    moments = sorted(next(iter(scores.values())))
    for name in next(iter(scores.values()))[moments[0]]:
        print(f"| {name}, seed | before | " + " | ".join(f"{moment // steps} rounds" for moment in moments[1:]) + " |")
        print("|---|" + "---|" * len(moments))
        table = {str(seed): [each[moment][name] for moment in moments] for seed, each in scores.items()}
        table["mean"] = list(np.mean(list(table.values()), axis=0))
        for row, values in table.items():
            print(f"| {row} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
        print()


def print_labels(quality: dict[int, dict[int, dict[str, float]]]) -> None:
    """By round: means over the seeds."""
    rounds = sorted(next(iter(quality.values())))
    names = next(iter(quality.values()))[rounds[0]]
    print("| labels of round | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for number in rounds:
        means = [np.mean([each[number][name] for each in quality.values()]) for name in names]
        print(f"| {number} | " + " | ".join(f"{value:.1f}" for value in means) + " |")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("config", help="of a training with TPRHook over synthetic videos")
    parser.add_argument("--checkpoints", nargs="+", required=True, help="where the training of each seed begins")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the trainings")
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/tpr_training"))
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="as of tools/train.py")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    start, scores, quality = time.time(), {}, {}
    for seed, checkpoint in zip(arguments.seeds, arguments.checkpoints, strict=True):
        folder = arguments.work_dir / f"seed{seed}"
        config, steps = training(arguments.config, checkpoint, seed, folder, arguments.cfg_options)
        runner, keeper = Runner.from_cfg(config), ScoreKeeper()
        runner.register_hook(keeper)
        runner.train()
        scores[seed] = keeper.scores
        (hook,) = (hook for hook in runner.hooks if isinstance(hook, TPRHook))
        quality[seed] = label_quality(hook.store, hook.videos)
        print_scores({seed: scores[seed]}, steps)
        print_labels({seed: quality[seed]})
    print(f"Person IoU in percent, seeds {' '.join(map(str, scores))}; {time.time() - start:.0f} s\n")
    print_scores(scores, steps)
    print_labels(quality)


if __name__ == "__main__":
    main()
