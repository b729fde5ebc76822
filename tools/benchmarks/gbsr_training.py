"""What training on refined poses is worth: the Pose Module before and after, and the poses that it learned from.

    python tools/benchmarks/gbsr_training.py CONFIG --checkpoints A.pth B.pth C.pth --seeds 0 1 2 --work-dir FOLDER

Trains a config with ``GBSRHook`` over synthetic videos once per seed (which is also the videos'), from the network
given for that seed, and tests it as ``tools/test.py`` would, before training and after every round. Prints Markdown:
keypoint AP on all test sets of the config; and of the persons learned in each round how many there are in a frame, the
share that is some true person (OKS of at least 0.5 and 0.75), and the share of true persons that are among them.
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

from mmselfhuman.engine import GBSRHook
from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import SIGMAS, Clip, Person
from mmselfhuman.utils import load_config

METRIC = "/ochuman/keypoints_AP"


class ScoreKeeper(Hook):
    """Validates before training too, and keeps what validation says, by iteration."""

    priority = "LOWEST"

    def __init__(self) -> None:
        self.scores: dict[int, dict[str, float]] = {}

    def before_train(self, runner: Runner) -> None:
        runner.val_loop.run()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self.scores[runner.iter] = {
            name.removesuffix(METRIC): 100 * value for name, value in metrics.items() if name.endswith(METRIC)
        }


def training(path: str, checkpoint: str, seed: int, folder: Path, options: dict | None) -> tuple[Config, int]:
    """The config of one training, validated on the test sets after every round, and the steps of a round."""
    config = load_config(path, options)
    (hook,) = (hook for hook in config.custom_hooks if hook["type"].endswith("GBSRHook"))
    hook["videos"]["seed"] = seed
    config.load_from, config.work_dir, config.randomness = checkpoint, str(folder), {"seed": seed}
    config.train_dataloader.dataset.pseudo.source.store = str(folder / "pseudo_labels")
    for part in ("dataloader", "evaluator"):
        config[f"val_{part}"] = config[f"test_{part}"]
    config.train_cfg.val_interval = hook["interval"]
    return config, hook["interval"]


def similarity(truth: Person, keypoints: np.ndarray) -> float:
    """COCO's OKS of a pose ``(17, 3)`` with an annotated person; missing joints are wrong."""
    labelled = truth.keypoints[:, 2] > 0
    squared = ((keypoints[labelled, :2] - truth.keypoints[labelled, :2]) ** 2).sum(-1)
    near = np.exp(-squared / (2 * max(truth.area, 1) * (2 * SIGMAS[labelled]) ** 2))
    return float((near * (keypoints[labelled, 2] > 0)).mean()) if labelled.any() else 0.0


def label_quality(store: PseudoLabelStore, videos: Sequence[Clip]) -> dict[int, dict[str, float]]:
    """By round."""
    truths = {clip.name: [clip.truth(index).persons() for index in range(len(clip))] for clip in videos}
    result = {}
    for number in store.rounds():
        best, found, frames = [], [], 0
        for name, persons_of in truths.items():
            for label in store.read(number).clip(name):
                frames += 1
                learned = [person.keypoints for person in label.persons if not person.crowd]
                oks = np.array([[similarity(true, pose) for pose in learned] for true in persons_of[label.frame]])
                oks = oks.reshape(len(persons_of[label.frame]), len(learned))
                best += list(oks.max(0, initial=0))
                found += list(oks.max(1, initial=0) >= 0.5)
        result[number] = {
            "learned, a frame": len(best) / frames,
            "right at OKS .5, %": 100 * float(np.mean(np.array(best) >= 0.5)),
            "at .75, %": 100 * float(np.mean(np.array(best) >= 0.75)),
            "of the true persons, %": 100 * float(np.mean(found)),
        }
    return result


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
    print("| persons of round | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for number in rounds:
        means = [np.mean([each[number][name] for each in quality.values()]) for name in names]
        print(f"| {number} | " + " | ".join(f"{value:.2f}" for value in means) + " |")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("config", help="of a training with GBSRHook over synthetic videos")
    parser.add_argument("--checkpoints", nargs="+", required=True, help="where the training of each seed begins")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the trainings and the videos")
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/gbsr_training"))
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
        (hook,) = (hook for hook in runner.hooks if isinstance(hook, GBSRHook))
        quality[seed] = label_quality(hook.store, hook.videos)
        print_scores({seed: scores[seed]}, steps)
        print_labels({seed: quality[seed]})
    print(f"Keypoint AP in percent, seeds {' '.join(map(str, scores))}; {time.time() - start:.0f} s\n")
    print_scores(scores, steps)
    print_labels(quality)


if __name__ == "__main__":
    main()
