"""Loops over tiny networks and clips: a round takes a second or two."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_SEG = """
_base_ = '{root}/configs/tpr/tpr_seg-small_1xb16-5x200_synthetic-128x128.py'
load_from = None
model = dict(
    data_preprocessor=dict(size=(32, 32)),
    backbone=dict(base_channels=4),
    decode_head=dict(in_channels=4, channels=4, dropout_ratio=0.2))
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(labelled=dict(source=dict(size=(32, 32), num_images=4))))
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(
        _delete_=True,
        type='PersonSegDataset',
        test_mode=True,
        source=dict(type='SyntheticPeople', split='target_test', size=(32, 32), num_images=4),
        pipeline={{{{_base_.test_pipeline}}}}))
test_evaluator = dict(_delete_=True, type='ClassIoUMetric')
param_scheduler = None
optim_wrapper = dict(optimizer=dict(lr=1e-2))
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=2, max_keep_ckpts=2))
"""
_PRETRAIN = "custom_hooks = []\ntrain_cfg = dict(max_iters=6)\n"
_REFINE = """
custom_hooks = [dict(type='TPRHook', videos=None, interval=2, threshold=0.5, guard=dict(largest_class=1.0))]
train_cfg = dict(max_iters=2)
"""
_LOOP = """
networks = dict(seg=dict(pretrain='seg_pretrain.py', refine='seg_refine.py', finetune='seg_finetune.py'))
videos = dict(type='SyntheticVideos', split='target', num_videos=2, num_frames=4, size=(32, 32))
rounds = 2
n_tpr = 2
agreement = 1.0
labels = dict(threshold=0.5, guard=dict(largest_class=1.0))
guard = dict(stability=1.0, network=1.0, empty=1.0, ignored=1.0, foreground=float('inf'))
"""


def write_loop(folder: Path, loop: str = "") -> Path:
    """Write a loop config and its networks' configs.

    Args:
        folder: Where to.
        loop: Further lines of the loop config.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seg = _SEG.format(root=ROOT)
    (folder / "seg_pretrain.py").write_text(seg + _PRETRAIN)
    (folder / "seg_refine.py").write_text(seg + _REFINE)
    (folder / "seg_finetune.py").write_text(seg + _PRETRAIN.replace("6", "4"))
    (folder / "loop.py").write_text(_LOOP + loop)
    return folder / "loop.py"
