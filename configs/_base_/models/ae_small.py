# Associative Embedding for images of 128 x 128 to 256 x 256 pixels on a CPU: a U-Net, heatmaps and tags of stride 2.
codec = dict(
    type='mmselfhuman.AssociativeEmbedding',
    input_size=(128, 128),
    heatmap_size=(64, 64),
    sigma=1.5,
    decode_topk=10,
    # The head's tags are places in the image (`tag_span`), and less alike within a person than free ones.
    decode_tag_thr=2.,
    # mmpose's targets round a joint to the nearest pixel of the heatmap. The half pixel of the published checkpoints is
    # for targets that were rounded down.
    decode_center_shift=0.,
    decode_keypoint_order=[0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16],
    decode_max_instances=10)
model = dict(
    type='mmpose.BottomupPoseEstimator',
    data_preprocessor=dict(
        type='mmpose.PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='mmseg.UNet',
        in_channels=3,
        base_channels=24,
        num_stages=4,
        strides=(2, 1, 1, 1),
        enc_num_convs=(1, 2, 2, 2),
        dec_num_convs=(1, 1, 1),
        downsamples=(True, True, True),
        enc_dilations=(1, 1, 1, 1),
        dec_dilations=(1, 1, 1),
        norm_cfg=dict(type='BN', requires_grad=True),
        upsample_cfg=dict(type='mmseg.InterpConv')),
    head=dict(
        type='AssociativeEmbeddingHead',
        in_channels=24,
        num_keypoints=17,
        deconv_out_channels=None,
        tag_dim=2,
        tag_span=10.,
        tag_loss=dict(type='PullPushLoss', loss_weight=1e-3),
        decoder=codec),
    test_cfg=dict(flip_test=False))
visualizer = dict(
    type='mmpose.PoseLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
