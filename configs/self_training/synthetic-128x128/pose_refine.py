# GBSR alternation: poses on the target videos are refined and learned in turns; how often is the loop's to say
# (n_gbsr).
_base_ = ['../../pose/ae_small_1xb16-2k_synthetic-128x128.py']

# Statistics of normalisation that move towards the target domain cost more than the labels bring.
model = dict(backbone=dict(norm_eval=True))

train_dataloader = dict(
    sampler=dict(_delete_=True, type='EndlessDraws', shuffle=True),
    dataset=dict(
        _delete_=True,
        type='PseudoLabelDataset',
        ratio=0.5,
        labelled={{_base_.train_dataloader.dataset}},
        pseudo=dict(
            type='PersonPoseDataset',
            data_mode='bottomup',
            filter_cfg=dict(filter_empty_gt=True),
            source=dict(type='PseudoLabels', store='set by the loop'),
            pipeline=[
                *_base_.train_pipeline[:-1],
                # What the network missed is no background.
                dict(type='IgnoreUnlabelledJoints'), _base_.train_pipeline[-1]
            ])))
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = dict(
    _delete_=True,
    batch_size=32,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PersonPoseDataset',
        data_mode='bottomup',
        test_mode=True,
        source={{_base_.target_test}},
        pipeline={{_base_.test_pipeline}}))
test_evaluator = dict(
    _delete_=True, type='OCHumanMetric', metric='keypoints', source={{_base_.target_test}}, variant='synthetic')

custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='EMAHook', momentum=0.02, update_buffers=True),
    dict(
        type='GBSRHook',
        videos=None,
        interval=100,
        person_threshold=0.15,
        transforms=[
            dict(type='mmpose.BottomupResize', input_size={{_base_.size}}, size_factor=16, resize_mode='expand')
        ],
        store=dict(image_format='png'))
]
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, end=20, by_epoch=False)]
train_cfg = dict(max_iters=100)
default_hooks = dict(checkpoint=dict(interval=50, max_keep_ckpts=2))
