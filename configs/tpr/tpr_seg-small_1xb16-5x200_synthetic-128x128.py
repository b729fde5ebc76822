# TPR on synthetic people: the Seg Module trained on the source domain, 5 rounds of 200 steps on videos of the target
# domain. Train configs/seg/seg-small_1xb16-1k_synthetic-128x128.py first.
_base_ = ['../seg/seg-small_1xb16-1k_synthetic-128x128.py', '../_base_/datasets/synthetic_video.py']

load_from = 'work_dirs/seg-small_1xb16-1k_synthetic-128x128/iter_1000.pth'

train_dataloader = dict(
    sampler=dict(_delete_=True, type='EndlessDraws', shuffle=True),
    dataset=dict(
        _delete_=True,
        type='PseudoLabelDataset',
        ratio=0.5,
        labelled={{_base_.train_dataloader.dataset}},
        pseudo=dict(
            type='PersonSegDataset',
            source=dict(
                type='PseudoLabels', store='work_dirs/tpr_seg-small_1xb16-5x200_synthetic-128x128/pseudo_labels'),
            pipeline={{_base_.train_pipeline}})))

custom_hooks = [
    dict(type='ChannelsLast'),
    dict(type='EMAHook', momentum=0.02, update_buffers=True),
    dict(type='TPRHook', videos={{_base_.videos}}, interval=200, rounds=5, store=dict(image_format='png'))
]

# A fifth of the learning rate that the network was trained with, in all rounds: averaged weights need no decay, and a
# training of 3 rounds is the beginning of one of 5.
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, end=20, by_epoch=False)]
train_cfg = dict(val_interval=200)
default_hooks = dict(checkpoint=dict(interval=200))
