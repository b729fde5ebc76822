# The paper's three networks as one instance segmenter. For configs that inherit with read_base().
from mmengine.config import read_base

with read_base():
    from mmselfhuman.configs._base_.models.ae_hrnet_w32 import model as pose_network
    from mmselfhuman.configs._base_.models.deeplabv3plus_xception71 import data_preprocessor as seg_preprocessor
    from mmselfhuman.configs._base_.models.deeplabv3plus_xception71 import model as seg_network

# Weights come from the three networks' own training.
seg_network['backbone'].update(pretrained=False)
# Pictures of any size.
seg_preprocessor = dict(seg_preprocessor)
seg_preprocessor.update(test_cfg=dict(size_divisor=16))
seg_network.update(data_preprocessor=seg_preprocessor)
pose2seg_preprocessor = dict(seg_preprocessor)
pose2seg_preprocessor.update(type='Pose2SegDataPreProcessor')
pose2seg_network = dict(seg_network)
pose2seg_network.update(type='Pose2Seg', data_preprocessor=pose2seg_preprocessor)

model = dict(
    type='SelfHumanDetector',
    pose=dict(
        type='PoseModule',
        estimator=pose_network,
        transforms=[dict(type='mmpose.BottomupResize', input_size=(512, 512), size_factor=64, resize_mode='expand')],
        batch_size=8),
    seg=dict(
        type='SegModule',
        segmentor=seg_network,
        transforms=[dict(type='mmseg.Resize', scale=(2048, 512), keep_ratio=True)]),
    # As the network was trained: crops, context and maps of configs/_base_/datasets/cocopersons_pose2seg.py.
    pose2seg=dict(
        type='Pose2SegHead',
        segmentor=pose2seg_network,
        size=(512, 512),
        context=1.4,
        joint_sigma=16.,
        limb_sigma=10.,
        stride=4,
        batch_size=8),
    fusion=dict(mode='independent'))
tta_model = dict(type='PersonTTAModel')
visualizer = dict(
    type='mmdet.DetLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
