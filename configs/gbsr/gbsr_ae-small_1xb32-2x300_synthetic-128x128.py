# GBSR on synthetic people: the Pose Module trained on the source domain, refined twice (N_GBSR = 2) on videos of the
# target domain, with 300 steps of training after each. Train configs/pose/ae_small_1xb16-2k_synthetic-128x128.py first.
_base_ = ['../pose/ae_small_1xb16-2k_synthetic-128x128.py', '../_base_/datasets/synthetic_video.py']

load_from = 'work_dirs/ae_small_1xb16-2k_synthetic-128x128/iter_2000.pth'

# Statistics of normalisation that move towards the target domain cost more than the labels bring.
model = dict(backbone=dict(norm_eval=True))

train_dataloader = dict(
    # As many labelled images in a batch as before, and as many with refined poses.
    batch_size=32,
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
            source=dict(
                type='PseudoLabels', store='work_dirs/gbsr_ae-small_1xb32-2x300_synthetic-128x128/pseudo_labels'),
            pipeline=[
                *_base_.train_pipeline[:-1],
                # What the network missed is no background.
                dict(type='IgnoreUnlabelledJoints'), _base_.train_pipeline[-1]
            ])))

custom_hooks = [
    dict(type='ChannelsLast'),
    # Labels are made, and the network is tested, with weights that are averaged over some 100 steps.
    dict(type='EMAHook', momentum=0.01, update_buffers=True),
    dict(
        type='GBSRHook',
        videos={{_base_.videos}},
        interval=300,
        rounds=2,
        person_threshold=0.15,
        transforms=[
            dict(type='mmpose.BottomupResize', input_size={{_base_.size}}, size_factor=16, resize_mode='expand')
        ],
        store=dict(image_format='png'))
]

# A fifth of the learning rate that the network was trained with.
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, end=20, by_epoch=False)]
train_cfg = dict(max_iters=600, val_interval=600)
default_hooks = dict(checkpoint=dict(interval=300))
