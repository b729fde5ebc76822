# The embedded default's Pose Module: minutes on two CPU cores.
_base_ = [
    '../_base_/models/ae_small.py', '../_base_/datasets/synthetic_pose_bottomup.py', '../_base_/schedules/adamw_1k.py',
    '../_base_/default_runtime.py'
]

# Poses take longer to learn than masks.
train_cfg = dict(max_iters=2000, val_interval=1000)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=50, end=2000, by_epoch=False)
]
custom_hooks = [dict(type='ChannelsLast')]
