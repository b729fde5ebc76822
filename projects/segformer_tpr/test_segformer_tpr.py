"""A stock SegFormer labels videos for itself and trains on them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config

from mmselfhuman.pseudo_labels import PseudoLabelStore

pytest.importorskip("mmseg")

CONFIG = Path(__file__).with_name("segformer-b0_tpr_cocopersons.py")


def test_labels_videos_and_trains_on_them(small_config: Callable, train: Callable, tmp_path: Path) -> None:
    config: Config = small_config(CONFIG)
    config.model.backbone.update(embed_dims=8, num_layers=[1, 1, 1, 1])
    config.model.decode_head.update(in_channels=[8, 16, 40, 64], channels=16)
    config.custom_hooks[0].start = 0
    runner = train(config)
    assert config.default_scope == "mmseg"
    assert runner.train_dataloader.dataset.round == 1
    labels = list(PseudoLabelStore(tmp_path / "pseudo_labels").read(1))
    assert [label.frame for label in labels] == [0, 1, 2]
    assert {value for label in labels for value in label.semantic.flat} <= {0, 1, 255}
