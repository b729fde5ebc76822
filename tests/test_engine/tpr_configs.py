"""Tiny trainings with the TPR hook."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmselfhuman.pseudo_labels import PseudoLabelStore

ROOT = Path(__file__).resolve().parents[2]
SMALL = "_base_ = '{root}/configs/tpr/tpr_seg-small_1xb16-5x200_synthetic-128x128.py'"
STOCK = """\
_base_ = 'mmseg::pspnet/pspnet_r18-d8_4xb2-80k_cityscapes-512x1024.py'
custom_imports = dict(imports=['mmselfhuman'])
_base_.model.pretrained = None
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size=(32, 32)),
    backbone=dict(norm_cfg=norm_cfg, stem_channels=8, base_channels=4),
    decode_head=dict(in_channels=32, channels=8, num_classes=2, norm_cfg=norm_cfg),
    auxiliary_head=dict(in_channels=16, channels=8, num_classes=2, norm_cfg=norm_cfg))
train_dataloader = dict(
    sampler=dict(_delete_=True, type='mmselfhuman.EndlessDraws'),
    dataset=dict(
        _delete_=True,
        type='mmselfhuman.PseudoLabelDataset',
        labelled=dict(
            type='mmselfhuman.PersonSegDataset',
            source=dict(type='SyntheticPeople', split='source_train'),
            pipeline=[dict(type='mmselfhuman.LoadPersonImage'), dict(type='mmselfhuman.LoadPersonSegMap'),
                      dict(type='PackSegInputs')]),
        pseudo=dict(
            type='PersonSegDataset',
            source=dict(type='PseudoLabels', store=''),
            pipeline=[dict(type='mmselfhuman.LoadPersonImage'), dict(type='mmselfhuman.LoadPersonSegMap'),
                      dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')])))
custom_hooks = [dict(type='mmselfhuman.TPRHook', videos=dict(type='SyntheticVideos'), interval=2)]
"""


def tiny_training(folder: Path, base: str = SMALL, by_epoch: bool = False, **hook: Any) -> Config:
    """A training of 6 steps of 2 images, or 3 epochs of 2 steps, with a round of 2 clips of 5 frames before each 2.

    Args:
        folder: For the work dir, with the store in it.
        base: Text of a config file.
        by_epoch: In epochs.
        hook: Settings of the hook.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.py").write_text(base.format(root=ROOT))
    config = Config.fromfile(folder / "config.py")
    config.work_dir, config.load_from = str(folder), None
    config.randomness = {"seed": 0}
    loader = config.train_dataloader
    loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    loader.dataset.labelled.source.update(num_images=2, size=(32, 32))
    loader.dataset.pseudo.source.store = str(folder / "store")
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    if "unet" in str(config.model).lower():
        config.model.data_preprocessor.size = (32, 32)
        config.model.backbone.base_channels = config.model.decode_head.in_channels = 4
        config.model.decode_head.update(channels=4, dropout_ratio=0.3)
    settings = next(item for item in config.custom_hooks if item.type.endswith("TPRHook"))
    defaults = {"interval": 1 if by_epoch else 2, "rounds": 3, "threshold": 0.0, "guard": {"largest_class": 1.0}}
    settings.update({**defaults, **hook})
    settings.setdefault("videos", {}).update(num_videos=2, num_frames=5, size=(32, 32))
    if by_epoch:
        loader.sampler.type = "mmselfhuman.EpochDraws"
        config.train_cfg = {"type": "EpochBasedTrainLoop", "max_epochs": 3}
        config.param_scheduler = None
        config.default_hooks.checkpoint.update(by_epoch=True, interval=1)
    else:
        config.train_cfg = {"type": "IterBasedTrainLoop", "max_iters": 6}
        config.default_hooks.checkpoint.update(interval=2)
    config.default_hooks.pop("visualization", None)
    return config


def tpr_settings(config: Config) -> dict:
    """The hook's part of a config."""
    return next(item for item in config.custom_hooks if item.type.endswith("TPRHook"))


def train(config: Config, *hooks: Hook) -> Runner:
    """Train with further hooks, which a config could not hold."""
    torch.set_num_threads(1)
    runner = Runner.from_cfg(config)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    return runner


def store_of(config: Config) -> PseudoLabelStore:
    return PseudoLabelStore(config.train_dataloader.dataset.pseudo.source.store)
