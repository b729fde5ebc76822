"""A stock Mask R-CNN trains on labels that came out of a store."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config
from pycocotools import mask as coco_mask

from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import PseudoLabel, PseudoPerson

pytest.importorskip("mmdet")

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).parent
HEIGHT, WIDTH = 64, 96


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two frames, each with one person who is sure and one who is not."""
    masks = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    masks[0, 8:56, 10:44] = masks[1, 8:56, 50:90] = 1
    persons = tuple(
        PseudoPerson(score, coco_mask.encode(np.asfortranarray(mask)), box=box)
        for score, mask, box in zip((0.9, 0.2), masks, ((10.0, 8.0, 34.0, 48.0), (50.0, 8.0, 40.0, 48.0)), strict=True)
    )
    noise = np.random.default_rng(0).integers(0, 256, (2, HEIGHT, WIDTH, 3), np.uint8)
    writer = PseudoLabelStore(tmp_path / "store").begin_round(0, {})
    writer.write_clip("clip", [PseudoLabel(n, HEIGHT, WIDTH, noise[n], persons=persons) for n in range(2)])
    writer.commit()
    return tmp_path / "store"


@pytest.fixture
def labels(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is exported from it; the person who is not sure is a crowd."""
    labels = tmp_path / "labels.json"
    options = ["export", str(store), "--coco", str(labels), "--min-score", "0.5"]
    monkeypatch.setattr(sys, "argv", ["pseudo_labels.py", *options])
    runpy.run_path(str(ROOT / "tools" / "pseudo_labels.py"), run_name="__main__")
    return labels


def persons(dataset: Any) -> list[tuple[int, int]]:
    """Of each sample: those to learn, and those to ignore."""
    samples = [dataset[index]["data_samples"] for index in range(len(dataset))]
    return [(len(sample.gt_instances), len(sample.ignored_instances)) for sample in samples]


def test_trains_on_the_persons_that_are_sure(
    small_config: Callable, train: Callable, store: Path, labels: Path
) -> None:
    config: Config = small_config(FOLDER / "mask-rcnn_r50_fpn_1x_pseudo-labels.py")
    config.model.backbone.update(depth=18)
    config.model.neck.update(in_channels=[64, 128, 256, 512])
    config.train_dataloader.dataset.update(ann_file=str(labels), data_prefix={"img": str(store / "frames")})
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    config.test_dataloader = config.test_cfg = config.test_evaluator = None
    assert persons(train(config).train_dataloader.dataset) == [(1, 1), (1, 1)]


def test_goes_on_with_labelled_images_and_the_persons_that_are_sure(
    small_config: Callable, train: Callable, store: Path, labels: Path
) -> None:
    config: Config = small_config(FOLDER / "mask-rcnn_small_pseudo-labels.py")
    labelled, pseudo = config.train_dataloader.dataset.datasets
    pseudo.update(ann_file=str(labels), data_prefix={"img": str(store / "frames")})
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    dataset = train(config).train_dataloader.dataset
    assert labelled.source.split == "source_train"
    assert persons(dataset.datasets[1]) == [(1, 1), (1, 1)]
    assert all(ignored == 0 < learned for learned, ignored in persons(dataset.datasets[0]))
