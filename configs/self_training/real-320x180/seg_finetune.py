# The Seg Module learns the final labels of a round, together with labelled images.
_base_ = ['seg_pretrain.py']

train_dataloader = dict(dataset=dict(ratio=0.5))
custom_hooks = [dict(type='ChannelsLast'), dict(type='EMAHook', momentum=0.02, update_buffers=True)]
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, end=20, by_epoch=False)]
train_cfg = dict(max_iters=150)
default_hooks = dict(checkpoint=dict(interval=75, max_keep_ckpts=2))
