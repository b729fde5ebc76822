# DeepLabV3+ as in its paper: Xception-71, output stride 16, a decoder that joins in the features of stride 4.
norm_cfg = dict(type='BN', requires_grad=True)
# Backbone and head alike, as soon as there is more than one process.
sync_bn = 'torch'
data_preprocessor = dict(
    type='mmseg.SegDataPreProcessor',
    mean=[127.5, 127.5, 127.5],
    std=[127.5, 127.5, 127.5],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=(512, 512))
model = dict(
    type='mmseg.EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmseg.TIMMBackbone',
        model_name='xception71',
        pretrained=True,
        features_only=True,
        output_stride=16,
        out_indices=(1, 4)),
    decode_head=dict(
        type='mmseg.DepthwiseSeparableASPPHead',
        in_channels=2048,
        in_index=1,
        channels=256,
        dilations=(1, 6, 12, 18),
        c1_in_channels=256,
        c1_channels=48,
        dropout_ratio=0.1,
        num_classes=2,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
tta_model = dict(type='mmseg.SegTTAModel')
visualizer = dict(
    type='mmseg.SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
