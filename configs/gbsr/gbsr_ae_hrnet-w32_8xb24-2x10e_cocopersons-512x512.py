# GBSR at the paper's scale: its Pose Module, then 2 rounds of 10 epochs. Any videos lie in data/videos/, files or
# folders of frames. Train configs/pose/ae_hrnet-w32_8xb24-300e_cocopersons-512x512.py first.
_base_ = ['../pose/ae_hrnet-w32_8xb24-300e_cocopersons-512x512.py', '../_base_/datasets/unlabelled_video.py']

load_from = 'work_dirs/ae_hrnet-w32_8xb24-300e_cocopersons-512x512/epoch_300.pth'

train_dataloader = dict(
    sampler=dict(_delete_=True, type='EpochDraws', shuffle=True),
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
                type='PseudoLabels',
                store='work_dirs/gbsr_ae_hrnet-w32_8xb24-2x10e_cocopersons-512x512/pseudo_labels'),
            pipeline=[
                *_base_.train_pipeline[:-1],
                # What the network missed is no background.
                dict(type='IgnoreUnlabelledJoints'), _base_.train_pipeline[-1]
            ])))

custom_hooks = [
    dict(
        type='GBSRHook',
        videos={{_base_.videos}},
        interval=10,
        rounds=2,
        refiner=dict(extractor=dict(type='FourteenConvolutions')),
        transforms=[dict(type='mmpose.BottomupResize', input_size=(512, 512), size_factor=64, resize_mode='expand')])
]

# The paper names no learning rate for the rounds; this is a tenth of the first.
optim_wrapper = dict(optimizer=dict(lr=1.5e-4))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-6, begin=0, end=20, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=20, val_interval=10)
