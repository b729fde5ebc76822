"""What it costs to train on pseudo-labels: the same network and augmentation with and without ``PseudoLabelDataset``.

    python tools/benchmarks/training_throughput.py CONFIG ... [--workers 0] [--threads 2]

Renders videos with their true masks into a store, and exports that as images and label maps. Each config of mmseg is
then trained on these with mmseg's own ``BaseSegDataset``, and with that and the store in a ``PseudoLabelDataset``, half
and half: short runs in turns. Prints Markdown: images per second of the fastest run of each kind, their ratio, and the
milliseconds that one sample takes without a network. No workers show all that loading costs; with workers, it overlaps
with the network.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmselfhuman.datasets import SyntheticVideos
from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import PseudoLabel
from mmselfhuman.utils import load_config

EXPORT = Path(__file__).resolve().parents[1] / "pseudo_labels.py"
KINDS = ("labelled", "mixed")
WARM_UP = 5


class Stopwatch(Hook):
    """Seconds of all training steps after the first few, waiting for data included."""

    priority = "VERY_LOW"

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        if batch_idx + 1 == WARM_UP:
            self.start = time.perf_counter()
        self.seconds = time.perf_counter() - getattr(self, "start", 0)


def write_data(folder: Path, size: tuple[int, int]) -> None:
    """``store``, and what it holds as ``maps`` beside ``store/frames``."""
    writer = PseudoLabelStore(folder / "store").begin_round(1, {})
    for clip in SyntheticVideos("target", num_videos=4, num_frames=16, size=size):
        writer.write_clip(
            clip.name,
            [
                PseudoLabel(
                    frame.index,
                    size[1],
                    size[0],
                    frame.image,
                    semantic=(clip.truth(frame.index).owners >= 0).astype(np.uint8),
                )
                for frame in clip
            ],
        )
    writer.commit()
    command = [sys.executable, str(EXPORT), "export", str(folder / "store"), "--png", str(folder / "maps")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def dataset(kind: str, folder: Path) -> dict:
    augmentation = [
        {"type": "mmseg.RandomFlip", "prob": 0.5},
        {"type": "mmseg.PhotoMetricDistortion"},
        {"type": "mmseg.PackSegInputs"},
    ]
    labelled = {
        "type": "mmseg.BaseSegDataset",
        "metainfo": {"classes": ("background", "person")},
        "ann_file": str(folder / "maps" / "frames.txt"),
        "data_prefix": {"img_path": str(folder / "store" / "frames"), "seg_map_path": str(folder / "maps")},
        "pipeline": [{"type": "mmcv.LoadImageFromFile"}, {"type": "mmseg.LoadAnnotations"}, *augmentation],
    }
    loading = [{"type": "mmselfhuman.LoadPersonImage"}, {"type": "mmselfhuman.LoadPersonSegMap"}]
    pseudo = {
        "type": "PersonSegDataset",
        "source": {"type": "PseudoLabels", "store": str(folder / "store")},
        "pipeline": [*loading, *augmentation],
    }
    mixed = {"type": "mmselfhuman.PseudoLabelDataset", "labelled": labelled, "pseudo": pseudo, "ratio": 0.5}
    return labelled if kind == "labelled" else mixed


def training(path: str, kind: str, folder: Path, arguments: argparse.Namespace) -> Config:
    config = load_config(path)
    config.train_dataloader = {
        "batch_size": arguments.batch,
        "num_workers": arguments.workers,
        "persistent_workers": arguments.workers > 0,
        "sampler": {"type": "InfiniteSampler" if kind == "labelled" else "mmselfhuman.EndlessDraws", "shuffle": True},
        "dataset": dataset(kind, folder),
    }
    config.model.data_preprocessor.size = (arguments.size, arguments.size)
    for head in ("decode_head", "auxiliary_head"):
        if head in config.model:
            config.model[head].num_classes = 2
    config.model.backbone.pop("pretrained", None)
    config.model.backbone.init_cfg = None
    config.model.backbone.norm_cfg.type = "BN"
    config.model.decode_head.norm_cfg.type = "BN"
    for part in ("dataloader", "cfg", "evaluator"):
        config[f"val_{part}"] = config[f"test_{part}"] = None
    config.train_cfg = {"type": "IterBasedTrainLoop", "max_iters": arguments.steps + WARM_UP}
    config.param_scheduler, config.load_from, config.work_dir = None, None, str(folder / "work_dir")
    config.default_hooks.pop("checkpoint", None)
    config.log_level = "WARNING"
    return config


def images_per_second(config: Config, arguments: argparse.Namespace) -> float:
    stopwatch, runner = Stopwatch(), Runner.from_cfg(config)
    runner.register_hook(stopwatch)
    runner.train()
    return arguments.steps * arguments.batch / stopwatch.seconds


def loading_time(config: Config) -> float:
    """Milliseconds that a sample takes, after all files were read once."""
    init_default_scope("mmseg")
    loader = Runner.build_dataloader(config.train_dataloader | {"num_workers": 0, "persistent_workers": False}, seed=0)
    samples = iter(loader.sampler)
    for _ in range(len(loader.dataset)):
        loader.dataset[next(samples)]
    start = time.perf_counter()
    for _ in range(len(loader.dataset)):
        loader.dataset[next(samples)]
    return 1000 * (time.perf_counter() - start) / len(loader.dataset)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("configs", nargs="+", help="of mmseg, with a data preprocessor of a fixed size")
    parser.add_argument("--size", type=int, default=128, help="of images and of what the network sees, in pixels")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=30, help="of a run")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each kind")
    parser.add_argument("--workers", type=int, default=0, help="processes that load data")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    print("| config | mmseg's dataset, images/s | mixed, images/s | ratio | loading, ms a sample | mixed, ms |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        write_data(Path(name), (arguments.size, arguments.size))
        for path in arguments.configs:
            configs = {kind: training(path, kind, Path(name), arguments) for kind in KINDS}
            rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for repeat in range(arguments.repeats):
                # A machine that slows down or speeds up favours neither.
                for kind in KINDS if repeat % 2 else reversed(KINDS):
                    rates[kind].append(images_per_second(configs[kind], arguments))
            plain, mixed = (max(rates[kind]) for kind in KINDS)
            loading = " | ".join(f"{loading_time(configs[kind]):.2f}" for kind in KINDS)
            print(f"| {Path(path).stem} | {plain:.1f} | {mixed:.1f} | {mixed / plain:.3f} | {loading} |", flush=True)


if __name__ == "__main__":
    main()
