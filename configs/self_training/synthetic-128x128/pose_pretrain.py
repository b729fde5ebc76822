# The Pose Module on labelled images of the source domain; see seg_pretrain.py.
_base_ = ['../../pose/ae_small_1xb16-2k_synthetic-128x128.py']

train_dataloader = dict(
    sampler=dict(_delete_=True, type='EndlessDraws', shuffle=True),
    dataset=dict(
        _delete_=True,
        type='PseudoLabelDataset',
        ratio=0.0,
        labelled={{_base_.train_dataloader.dataset}},
        pseudo=dict(
            type='PersonPoseDataset',
            data_mode='bottomup',
            source=dict(type='PseudoLabels', store='set by the loop'),
            pipeline={{_base_.train_pipeline}})))
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

optim_wrapper = dict(optimizer=dict(lr=5e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=30, end=800, by_epoch=False)
]
train_cfg = dict(max_iters=800)
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=2))
