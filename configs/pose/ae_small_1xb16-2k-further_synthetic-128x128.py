# Goes on from ae_small_1xb16-2k_synthetic-128x128.py, until more of the same brings little: only then does a training
# on pseudo-labels tell what these are worth.
_base_ = ['ae_small_1xb16-2k_synthetic-128x128.py']

load_from = 'work_dirs/ae_small_1xb16-2k_synthetic-128x128/iter_2000.pth'
optim_wrapper = dict(optimizer=dict(lr=2.5e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=50, end=2000, by_epoch=False)
]
custom_hooks = [dict(type='ChannelsLast'), dict(type='EMAHook', momentum=0.01, update_buffers=True)]
