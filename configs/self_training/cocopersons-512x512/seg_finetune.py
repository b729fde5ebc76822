# The Seg Module learns the final labels of a round, together with labelled images: 10 epochs, as each of TPR's rounds.
_base_ = ['../../seg/deeplabv3plus_xception71_8xb2-30e_cocopersons-512x512.py']

train_dataloader = dict(
    sampler=dict(_delete_=True, type='EpochDraws', shuffle=True),
    dataset=dict(
        _delete_=True,
        type='PseudoLabelDataset',
        ratio=0.5,
        labelled={{_base_.train_dataloader.dataset}},
        pseudo=dict(
            type='PersonSegDataset',
            source=dict(type='PseudoLabels', store='set by the loop'),
            pipeline={{_base_.train_pipeline}})))

# The paper names no learning rate for the rounds; this is a tenth of the first.
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=0, end=10, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=10, val_interval=10)
