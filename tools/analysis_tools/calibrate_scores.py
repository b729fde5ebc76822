"""Fit the scores of masks: python tools/analysis_tools/calibrate_scores.py CONFIG CHECKPOINT --source KEY=VALUE ..."""

import argparse
import sys

import numpy as np
from mmengine.config import Config, DictAction

from mmselfhuman.utils import ConfigError, load_config, only_weights


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Segment labelled images with an instance segmenter and fit its 'score' to the IoU that masks turn "
        "out to have. Use labelled data that is not tested on."
    )
    parser.add_argument("config", help="config of the instance segmenter")
    parser.add_argument("checkpoint", help="its weights")
    parser.add_argument(
        "--source",
        nargs="+",
        action=DictAction,
        required=True,
        metavar="KEY=VALUE",
        help="labelled persons, e.g. type=SyntheticPeople split=source_train num_images=500 size='(128,128)', or "
        "type=COCOPersons ann_file=... img_prefix=...",
    )
    parser.add_argument("--batch-size", type=int, default=8, help="images that go through the networks together")
    parser.add_argument("--max-images", type=int, metavar="N", help="stop after N images")
    return parser.parse_args()


def test_pipeline(config: Config) -> list[dict]:
    """The transforms of the first dataset that the config tests on."""
    dataset = config.test_dataloader.dataset
    while "pipeline" not in dataset:
        dataset = dataset.datasets[0] if "datasets" in dataset else dataset.dataset
    return dataset.pipeline


def main() -> None:
    args = parse_args()
    try:
        config = load_config(args.config)
    except (ConfigError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")

    from mmengine.dataset import pseudo_collate
    from mmengine.device import get_device
    from mmengine.registry import init_default_scope
    from mmengine.runner import load_checkpoint

    from mmselfhuman.models.detectors import fit_mask_score, matched_ious
    from mmselfhuman.registry import DATASETS, MODELS

    init_default_scope(config.get("default_scope", "mmselfhuman"))
    model = MODELS.build(config.model)
    with only_weights():
        load_checkpoint(model, args.checkpoint, map_location="cpu")
    model = model.to(get_device()).eval()
    dataset = DATASETS.build(
        {"type": "PersonInstanceDataset", "test_mode": True, "source": args.source, "pipeline": test_pipeline(config)}
    )
    count = min(len(dataset), args.max_images or len(dataset))
    poses, pixels, scores, ious = [], [], [], []
    for start in range(0, count, args.batch_size):
        batch = [dataset[index] for index in range(start, min(start + args.batch_size, count))]
        for sample in model.test_step(pseudo_collate(batch)):
            found = sample.pred_instances
            masks, truth = encoded(found.masks.cpu().numpy()), encoded(sample.gt_instances.masks.to_ndarray())
            poses += found.pose_scores.tolist()
            pixels += found.pixel_scores.tolist()
            scores += found.scores.tolist()
            ious += matched_ious(masks, truth).tolist()
    try:
        fitted = fit_mask_score(np.array(poses), np.array(pixels), np.array(ious))
    except ValueError as error:
        sys.exit(f"error: {error}")

    import torch

    after = fitted(torch.tensor(poses), torch.tensor(pixels)).numpy()
    for name, values in (("now", np.array(scores)), ("fitted", after)):
        error, order = np.abs(values - ious).mean(), rank_correlation(values, np.array(ious))
        print(f"{name:<7} mean |score - IoU| {error:.3f}, rank correlation {order:.3f}")
    print(f"{len(ious)} persons of {count} images, mean IoU {np.mean(ious):.3f}")
    print(f"score=dict(bias={fitted.bias:.3f}, pose={fitted.pose:.3f}, mask={fitted.mask:.3f})")


def encoded(masks: np.ndarray) -> list[dict]:
    """``(n, H, W)`` masks as compressed RLEs."""
    from pycocotools import mask as coco_mask

    return [coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8)) for mask in masks]


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's; 0 where there is no order."""
    from scipy.stats import rankdata

    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (first, second)]
    length = np.linalg.norm(ranks[0]) * np.linalg.norm(ranks[1])
    return float(ranks[0] @ ranks[1] / length) if length else 0.0


if __name__ == "__main__":
    main()
