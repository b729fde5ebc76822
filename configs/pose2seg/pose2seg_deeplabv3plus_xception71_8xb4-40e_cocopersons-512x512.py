# The paper's Pose2Seg Module: the Seg Module with skeleton maps, begun from its weights. Train
# configs/seg/deeplabv3plus_xception71_8xb2-30e_cocopersons-512x512.py first.
_base_ = [
    '../_base_/models/deeplabv3plus_xception71.py', '../_base_/datasets/cocopersons_pose2seg.py',
    '../_base_/schedules/adam_step_40e.py', '../_base_/default_runtime.py'
]

load_from = 'work_dirs/deeplabv3plus_xception71_8xb2-30e_cocopersons-512x512/epoch_30.pth'

model = dict(
    type='Pose2Seg',
    data_preprocessor=dict(type='Pose2SegDataPreProcessor'),
    # They come with the Seg Module's.
    backbone=dict(pretrained=False))
