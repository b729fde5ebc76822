# Mask R-CNN for images of 128 x 128 pixels: a thin ResNet-18, four pyramid levels, anchors of 16 to 128 pixels.
_base_ = [
    'mmdet::_base_/models/mask-rcnn_r50_fpn.py', '../_base_/datasets/synthetic_instance.py',
    '../_base_/schedules/adamw_1k.py', '../_base_/default_runtime.py'
]

channels = 64
roi_extractor = dict(out_channels=channels, featmap_strides=[4, 8, 16, 32])
model = dict(
    backbone=dict(
        depth=18,
        base_channels=24,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=None),
    neck=dict(in_channels=[24, 48, 96, 192], out_channels=channels, num_outs=4),
    rpn_head=dict(
        in_channels=channels,
        feat_channels=channels,
        anchor_generator=dict(scales=[4], strides=[4, 8, 16, 32])),
    roi_head=dict(
        bbox_roi_extractor=roi_extractor,
        bbox_head=dict(in_channels=channels, fc_out_channels=256, num_classes=1),
        mask_roi_extractor=roi_extractor,
        mask_head=dict(num_convs=2, in_channels=channels, conv_out_channels=channels, num_classes=1)),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=200, max_per_img=100),
        rcnn=dict(sampler=dict(num=64))),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100), rcnn=dict(max_per_img=20)))
# On CPUs, mmcv's RoIAlign has no bfloat16, and reads maps in channels-last order as if they were not: no ChannelsLast.
optim_wrapper = dict(type='OptimWrapper')
visualizer = dict(
    type='mmdet.DetLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
