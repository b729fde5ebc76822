# A U-Net for images of 128 x 128 to 256 x 256 pixels on a CPU: 0.4 M parameters, four levels of stride 2, 4, 8 and 16,
# logits of stride 2. Limbs are a few pixels wide there, and what starts at stride 4 (ResNets) misses them.
norm_cfg = dict(type='BN', requires_grad=True)
data_preprocessor = dict(
    type='mmseg.SegDataPreProcessor',
    mean=[127.5, 127.5, 127.5],
    std=[57.5, 57.5, 57.5],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=(128, 128),
    test_cfg=dict(size_divisor=16))
model = dict(
    type='mmseg.EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmseg.UNet',
        in_channels=3,
        base_channels=16,
        num_stages=4,
        strides=(2, 1, 1, 1),
        enc_num_convs=(1, 2, 2, 2),
        dec_num_convs=(1, 1, 1),
        downsamples=(True, True, True),
        enc_dilations=(1, 1, 1, 1),
        dec_dilations=(1, 1, 1),
        norm_cfg=norm_cfg,
        upsample_cfg=dict(type='mmseg.InterpConv')),
    decode_head=dict(
        type='mmseg.FCNHead',
        in_channels=16,
        in_index=3,
        channels=16,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0,
        num_classes=2,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
tta_model = dict(type='mmseg.SegTTAModel')
visualizer = dict(
    type='mmseg.SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
custom_hooks = [dict(type='ChannelsLast')]
