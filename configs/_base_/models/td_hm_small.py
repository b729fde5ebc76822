# Top-down pose estimation for persons of 48 x 64 pixels: a thin ResNet-18 of output stride 16, heatmaps of stride 2.
model = dict(
    _scope_='mmpose',
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    backbone=dict(
        type='ResNet', depth=18, stem_channels=24, base_channels=24, strides=(1, 2, 2, 1), zero_init_residual=False),
    head=dict(
        type='HeatmapHead',
        in_channels=192,
        out_channels=17,
        deconv_out_channels=(64, 64, 64),
        deconv_kernel_sizes=(4, 4, 4),
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=dict(type='UDPHeatmap', input_size=(48, 64), heatmap_size=(24, 32), sigma=1.5)),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False))
visualizer = dict(
    type='mmpose.PoseLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
custom_hooks = [dict(type='ChannelsLast')]
