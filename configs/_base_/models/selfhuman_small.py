# The embedded default's three networks as one instance segmenter. For configs that inherit with read_base().
from mmengine.config import read_base

with read_base():
    from mmselfhuman.configs._base_.models.ae_small import model as pose_network
    from mmselfhuman.configs._base_.models.unet_small import data_preprocessor as seg_preprocessor
    from mmselfhuman.configs._base_.models.unet_small import model as seg_network

pose2seg_preprocessor = dict(seg_preprocessor)
pose2seg_preprocessor.update(type='Pose2SegDataPreProcessor', size=(96, 96))
pose2seg_network = dict(seg_network)
pose2seg_network.update(type='Pose2Seg', data_preprocessor=pose2seg_preprocessor)

model = dict(
    type='SelfHumanDetector',
    pose=dict(
        type='PoseModule',
        estimator=pose_network,
        transforms=[dict(type='mmpose.BottomupResize', input_size=(128, 128), size_factor=16, resize_mode='expand')]),
    seg=dict(
        type='SegModule',
        segmentor=seg_network,
        transforms=[dict(type='mmseg.Resize', scale=(128, 128), keep_ratio=True)]),
    # As the network was trained: crops, context and maps of configs/_base_/datasets/synthetic_pose2seg.py.
    pose2seg=dict(
        type='Pose2SegHead', segmentor=pose2seg_network, size=(96, 96), context=1.25, whole=True, stride=2,
        batch_size=32),
    fusion=dict(mode='independent'),
    # Fitted to 60 images of the source domain's training split with tools/analysis_tools/calibrate_scores.py.
    score=dict(bias=-2.6, pose=1.2, mask=1.5))
tta_model = dict(type='PersonTTAModel')
visualizer = dict(
    type='mmdet.DetLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
