# TPR at the paper's scale: its Seg Module, trained for 30 epochs, then 5 rounds of 10 epochs. Any videos lie in
# data/videos/, files or folders of frames. Train
# configs/seg/deeplabv3plus_xception71_8xb2-30e_cocopersons-512x512.py first.
_base_ = [
    '../seg/deeplabv3plus_xception71_8xb2-30e_cocopersons-512x512.py', '../_base_/datasets/unlabelled_video.py'
]

load_from = 'work_dirs/deeplabv3plus_xception71_8xb2-30e_cocopersons-512x512/epoch_30.pth'

train_dataloader = dict(
    sampler=dict(_delete_=True, type='EpochDraws', shuffle=True),
    dataset=dict(
        _delete_=True,
        type='PseudoLabelDataset',
        ratio=0.5,
        labelled={{_base_.train_dataloader.dataset}},
        pseudo=dict(
            type='PersonSegDataset',
            source=dict(
                type='PseudoLabels',
                store='work_dirs/tpr_deeplabv3plus_xception71_8xb2-5x10e_cocopersons-512x512/pseudo_labels'),
            pipeline={{_base_.train_pipeline}})))

custom_hooks = [
    dict(
        type='TPRHook',
        videos={{_base_.videos}},
        interval=10,
        rounds=5,
        transforms=[dict(type='mmseg.Resize', scale=(2048, 512), keep_ratio=True)])
]

# The paper names no learning rate for the rounds; this is a tenth of the first.
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=0, end=50, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=50, val_interval=10)
