"""Tiny trainings with the GBSR hook."""

from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmselfhuman.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
SMALL = "_base_ = '{root}/configs/gbsr/gbsr_ae-small_1xb32-2x300_synthetic-128x128.py'"
STOCK = """\
_base_ = 'mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py'
custom_imports = dict(imports=['mmselfhuman'])
# Its own but for Albumentation, which not everybody has.
steps = [step for step in _base_.train_pipeline[1:] if step['type'] != 'Albumentation']
model = dict(backbone=dict(deepen_factor=0.1, widen_factor=0.1, init_cfg=None, norm_cfg=dict(type='BN')),
             head=dict(in_channels=102))
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=6)
param_scheduler = None
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='SGD', lr=1e-3))
train_dataloader = dict(
    sampler=dict(_delete_=True, type='mmselfhuman.EndlessDraws'),
    dataset=dict(
        _delete_=True,
        type='mmselfhuman.PseudoLabelDataset',
        labelled=dict(
            type='mmselfhuman.PersonPoseDataset',
            data_mode='topdown',
            source=dict(type='SyntheticPeople', split='source_train'),
            pipeline=[dict(type='mmselfhuman.LoadPersonImage'), *steps]),
        pseudo=dict(
            type='PersonPoseDataset',
            data_mode='topdown',
            source=dict(type='PseudoLabels', store=''),
            pipeline=[dict(type='mmselfhuman.LoadPersonImage'), *steps])))
custom_hooks = [dict(
    type='mmselfhuman.GBSRHook', videos=dict(type='SyntheticVideos'), interval=2,
    transforms=[dict(type='GetBBoxCenterScale'), dict(type='TopdownAffine', input_size=(192, 256))])]
"""


def tiny_training(folder: Path, base: str = SMALL, **hook: Any) -> Config:
    """A training of 6 steps of 2 images with a round of 2 clips of 4 frames before every 2.

    Args:
        folder: For the work dir, with the store in it.
        base: Text of a config file.
        hook: Settings of the hook.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.py").write_text(base.format(root=ROOT) if base is SMALL else base)
    config = Config.fromfile(folder / "config.py")
    config.work_dir, config.load_from = str(folder), None
    config.randomness = {"seed": 0}
    loader = config.train_dataloader
    loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    loader.dataset.labelled.source.update(num_images=4, size=(48, 48))
    loader.dataset.pseudo.source.store = str(folder / "store")
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    if base is SMALL:
        config.model.backbone.base_channels = config.model.head.in_channels = 4
        config.train_cfg = {"type": "IterBasedTrainLoop", "max_iters": 6}
        config.load_from = _sees_something(config, folder / "start.pth")
    settings = next(item for item in config.custom_hooks if item.type.endswith("GBSRHook"))
    # Networks that have learned nothing are sure of nobody.
    thresholds = dict.fromkeys(("person_threshold", "joint_threshold", "nobody_threshold"), 0.0)
    settings.update({"interval": 2, "rounds": 3, "guard": {"empty": 1.0}, "refiner": {"min_score": 0.0}})
    settings.update({**thresholds, **hook})
    settings.setdefault("videos", {}).update(num_videos=2, num_frames=4, size=(48, 48))
    config.default_hooks.checkpoint = {"type": "CheckpointHook", "by_epoch": False, "interval": 2}
    for name in ("visualization", "badcase"):
        config.default_hooks.pop(name, None)
    return config


def _sees_something(config: Config, path: Path) -> str:
    """Weights with which the heatmaps are about one half: a network that has learned nothing would find nobody."""
    init_default_scope("mmselfhuman")
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    with torch.no_grad():
        model.head.final_layer.bias[:17] = 0.5
    torch.save({"state_dict": model.state_dict()}, path)
    return str(path)
