# The embedded default's Pose2Seg Module: the small Seg Module with skeleton maps, begun from its weights. Train
# configs/seg/seg-small_1xb16-1k_synthetic-128x128.py first.
_base_ = [
    '../_base_/models/unet_small.py', '../_base_/datasets/synthetic_pose2seg.py', '../_base_/schedules/adamw_1k.py',
    '../_base_/default_runtime.py'
]

load_from = 'work_dirs/seg-small_1xb16-1k_synthetic-128x128/iter_1000.pth'

model = dict(
    type='Pose2Seg',
    data_preprocessor=dict(type='Pose2SegDataPreProcessor', size={{_base_.crop.size}}),
    decode_head=dict(loss_decode=[
        dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
        # Cross-entropy alone finds too little of people who are unlike the labelled ones.
        dict(type='mmseg.LovaszLoss', per_image=True, classes=[1])
    ]))
