"""A stock top-down RTMPose learns the poses that GBSR makes of its own."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config
from tiny_data import TinyData

from mmselfhuman.pseudo_labels import PseudoLabelStore

pytest.importorskip("mmpose")

CONFIG = Path(__file__).with_name("rtmpose-t_gbsr_coco.py")


def test_refines_poses_of_videos_and_trains_on_them(
    small_config: Callable, train: Callable, tiny_data: TinyData, tmp_path: Path
) -> None:
    config: Config = small_config(CONFIG)
    boxes = {"target_0000": {frame: [[4, 4, 20, 40], [20, 4, 20, 40]] for frame in range(3)}}
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    config.model.backbone.update(deepen_factor=0.1, widen_factor=0.1)
    config.model.head.in_channels = 102
    files = {"data_root": "", "ann_file": str(tiny_data.persons), "data_prefix": {"img": str(tiny_data.images)}}
    for dataset in (config.train_dataloader.dataset.labelled, config.val_dataloader.dataset):
        dataset.update(files)
    for dataset in (config.train_dataloader.dataset.labelled, config.train_dataloader.dataset.pseudo):
        dataset.pipeline = [step for step in dataset.pipeline if step.type != "Albumentation"]  # not everybody has it
    # A network that has learned nothing is sure of nobody.
    sure = {"person_threshold": 0.0, "joint_threshold": 0.0, "nobody_threshold": 0.0, "refiner": {"min_score": 0.0}}
    config.custom_hooks[0].update(boxes=str(tmp_path / "boxes.json"), start=0, **sure)
    runner = train(config)
    assert config.default_scope == "mmpose"
    assert runner.train_dataloader.dataset.round == 1
    labels = list(PseudoLabelStore(tmp_path / "pseudo_labels").read(1))
    assert [label.frame for label in labels] == [0, 1, 2]
    learned = [person for label in labels for person in label.persons if not person.crowd]
    assert {person.keypoints.shape for person in learned} == {(17, 3)}
