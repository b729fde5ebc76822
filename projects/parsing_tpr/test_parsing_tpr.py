"""Human parsing with 20 classes labels videos for itself and trains on them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config

from mmselfhuman.pseudo_labels import PseudoLabelStore

pytest.importorskip("mmseg")

CONFIG = Path(__file__).with_name("deeplabv3plus_tpr_lip.py")


def test_body_parts_of_videos_are_labelled_and_learned(small_config: Callable, train: Callable, tmp_path: Path) -> None:
    config: Config = small_config(CONFIG)
    config.model.backbone.update(model_name="resnet18")
    config.model.decode_head.update(in_channels=512, channels=32, c1_in_channels=64)
    config.custom_hooks[0].start = 0
    runner = train(config)
    assert runner.train_dataloader.dataset.round == 1
    assert len(runner.train_dataloader.dataset.metainfo["classes"]) == 20
    classes = {value for label in PseudoLabelStore(tmp_path / "pseudo_labels").read(1) for value in label.semantic.flat}
    assert classes <= {*range(20), 255}
    assert classes & {*range(2, 20)}
