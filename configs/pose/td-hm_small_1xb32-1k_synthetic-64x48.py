_base_ = [
    '../_base_/models/td_hm_small.py', '../_base_/datasets/synthetic_pose.py', '../_base_/schedules/adamw_1k.py',
    '../_base_/default_runtime.py'
]
# The accuracy that MMPose logs cannot be had from bfloat16.
optim_wrapper = dict(type='OptimWrapper')
