# The Seg Module learns the final labels of a round, together with labelled images.
_base_ = ['../../seg/seg-small_1xb16-1k_synthetic-128x128.py']

train_dataloader = dict(
    sampler=dict(_delete_=True, type='EndlessDraws', shuffle=True),
    dataset=dict(
        _delete_=True,
        type='PseudoLabelDataset',
        ratio=0.5,
        labelled={{_base_.train_dataloader.dataset}},
        pseudo=dict(
            type='PersonSegDataset',
            source=dict(type='PseudoLabels', store='set by the loop'),
            pipeline={{_base_.train_pipeline}})))
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = dict(
    _delete_=True,
    batch_size=32,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset={{_base_.target_test}})
test_evaluator = dict(_delete_=True, type='ClassIoUMetric')

custom_hooks = [dict(type='ChannelsLast'), dict(type='EMAHook', momentum=0.02, update_buffers=True)]
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, end=20, by_epoch=False)]
train_cfg = dict(max_iters=100)
default_hooks = dict(checkpoint=dict(interval=50, max_keep_ckpts=2))
