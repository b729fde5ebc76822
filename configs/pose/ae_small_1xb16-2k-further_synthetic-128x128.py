# Goes on from ae_small_1xb16-2k_synthetic-128x128.py as trainings on pseudo-labels do (learning rate, averaged weights),
# so that these tell what pseudo-labels are worth, rather than what training on is.
_base_ = ['ae_small_1xb16-2k_synthetic-128x128.py']

load_from = 'work_dirs/ae_small_1xb16-2k_synthetic-128x128/iter_2000.pth'
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, end=20, by_epoch=False)]
custom_hooks = [dict(type='ChannelsLast'), dict(type='EMAHook', momentum=0.01, update_buffers=True)]
