_base_ = [
    '../_base_/models/td_hm_small.py', '../_base_/datasets/synthetic_pose.py', '../_base_/schedules/adamw_1k.py',
    '../_base_/default_runtime.py'
]
