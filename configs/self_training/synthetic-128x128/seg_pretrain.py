# The Seg Module on labelled images of the source domain. Samples depend on their draw only, so that a training that
# was killed and resumed is the same training; the store that is named here stays empty.
_base_ = ['../../seg/seg-small_1xb16-1k_synthetic-128x128.py']

train_dataloader = dict(
    sampler=dict(_delete_=True, type='EndlessDraws', shuffle=True),
    dataset=dict(
        _delete_=True,
        type='PseudoLabelDataset',
        ratio=0.0,
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

optim_wrapper = dict(optimizer=dict(lr=5e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=30, end=500, by_epoch=False)
]
train_cfg = dict(max_iters=500)
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=2))
