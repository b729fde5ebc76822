# GBSR alternation: poses on the videos are refined and learned in turns; how often is the loop's to say (n_gbsr).
_base_ = ['pose_pretrain.py']

# Statistics of normalisation that move towards the videos cost more than the labels bring.
model = dict(backbone=dict(norm_eval=True))
train_dataloader = dict(dataset=dict(ratio=0.5))
custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='EMAHook', momentum=0.02, update_buffers=True),
    dict(
        type='GBSRHook',
        videos=None,
        interval=75,
        transforms=[
            dict(
                type='mmpose.BottomupResize', input_size={{_base_.frame_size}}, size_factor=16, resize_mode='expand')
        ])
]
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, end=20, by_epoch=False)]
train_cfg = dict(max_iters=75)
default_hooks = dict(checkpoint=dict(interval=75, max_keep_ckpts=2))
