# The embedded default's Seg Module: minutes on two CPU cores.
_base_ = [
    '../_base_/models/unet_small.py', '../_base_/datasets/synthetic_seg.py', '../_base_/schedules/adamw_1k.py',
    '../_base_/default_runtime.py'
]
