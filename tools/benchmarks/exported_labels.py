"""What exported pseudo-labels are worth to a stock detector: a small Mask R-CNN that goes on with and without them.

    python tools/benchmarks/exported_labels.py STORE ... --seeds 0 1 2 --work-dir FOLDER

Trains MMDetection's Mask R-CNN once per seed on labelled images of the source domain, exports the latest round of the
store given for that seed with ``tools/pseudo_labels.py``, and goes on from the same weights twice, for equally many
steps: on the labelled images alone, and on them and the exported COCO file
(``projects/stock_detector/mask-rcnn_small_pseudo-labels.py``). Prints Markdown: AP on the target test set, before and
after.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from mmselfhuman.utils import load_config

ROOT = Path(__file__).resolve().parents[2]
FIRST = ROOT / "configs" / "baselines" / "mask-rcnn_small_1xb8-1k_synthetic-128x128.py"
FURTHER = ROOT / "projects" / "stock_detector" / "mask-rcnn_small_pseudo-labels.py"
COLUMNS = ("bbox_AP", "segm_AP", "segm_AP50", "segm_AP_M", "segm_AP_H")


def read(path: Path, folder: Path, seed: int, options: dict | None = None) -> Config:
    """A config that is tested on the target domain, and not validated."""
    config = load_config(str(path), options)
    config.work_dir, config.randomness = str(folder), {"seed": seed}
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    config.test_dataloader.dataset = config.test_dataloader.dataset.datasets[1]
    config.test_evaluator = config.test_evaluator.metrics[1]
    return config


def first_training(folder: Path, seed: int, steps: int) -> Path:
    """On labelled images; the checkpoint, which an earlier call may have left."""
    checkpoint = folder / f"iter_{steps}.pth"
    if not checkpoint.exists():
        config = read(FIRST, folder, seed)
        config.train_cfg.max_iters = config.param_scheduler[1].end = config.default_hooks.checkpoint.interval = steps
        Runner.from_cfg(config).train()
    return checkpoint


def tested(checkpoint: Path, folder: Path, seed: int) -> Config:
    """The detector as the first training has left it."""
    config = read(FIRST, folder, seed)
    config.train_dataloader = config.train_cfg = config.optim_wrapper = config.param_scheduler = None
    config.load_from = str(checkpoint)
    return config


def test(runner: Runner) -> list[float]:
    """AP in percent."""
    scores = runner.test()
    return [100 * scores[f"ochuman/{column}"] for column in COLUMNS]


def further_training(
    checkpoint: Path, folder: Path, seed: int, options: dict | None, labels: tuple[Path, Path] | None
) -> list[float]:
    """Scores after it; without ``labels`` (the file, and the folder of its images), on labelled images only."""
    config = read(FURTHER, folder, seed, options)
    datasets = config.train_dataloader.dataset.datasets
    if labels is None:
        config.train_dataloader.dataset = datasets[0]
    else:
        datasets[1].update(ann_file=str(labels[0]), data_prefix={"img": str(labels[1])})
    config.load_from = str(checkpoint)
    runner = Runner.from_cfg(config)
    runner.train()
    return test(runner)


def export(store: Path, folder: Path, min_score: float) -> tuple[Path, Path]:
    """The COCO file, and the folder of its images."""
    labels = folder / "labels.json"
    tool = [sys.executable, str(ROOT / "tools" / "pseudo_labels.py"), "export", str(store)]
    subprocess.run(
        [*tool, "--coco", str(labels), "--min-score", str(min_score), "--detectors", "--overwrite"], check=True
    )
    return labels, store / "frames"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("stores", nargs="+", type=Path, help="labels/ of a finished self-training, one for each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=2000, help="of the first training")
    parser.add_argument("--min-score", type=float, default=0.0, help="persons below it are exported as crowds")
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/exported_labels"))
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="of what comes after")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    start, rows = time.time(), {}
    for seed, store in zip(arguments.seeds, arguments.stores, strict=True):
        folder = arguments.work_dir / f"seed{seed}"
        checkpoint = first_training(folder / "first", seed, arguments.steps)
        labels = export(store, folder, arguments.min_score)
        rows[seed, "before"] = test(Runner.from_cfg(tested(checkpoint, folder / "before", seed)))
        rows[seed, "labelled images only"] = further_training(
            checkpoint, folder / "without", seed, arguments.cfg_options, None
        )
        rows[seed, "and pseudo-labels"] = further_training(
            checkpoint, folder / "with", seed, arguments.cfg_options, labels
        )
    for name in dict.fromkeys(name for _, name in rows):
        rows["mean", name] = list(np.mean([rows[seed, name] for seed in arguments.seeds], axis=0))
    print(f"AP on the target test set in percent; {time.time() - start:.0f} s\n")
    headings = " | ".join(column.replace("bbox_", "boxes ").replace("segm_", "") for column in COLUMNS)
    print(f"| seed | | {headings} |\n|---|---|{'---|' * len(COLUMNS)}")
    for (seed, name), scores in rows.items():
        print(f"| {seed} | {name} | {' | '.join(f'{score:.2f}' for score in scores)} |")


if __name__ == "__main__":
    main()
