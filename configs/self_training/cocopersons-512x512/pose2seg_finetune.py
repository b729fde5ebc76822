# The Pose2Seg Module learns the final labels of a round, together with labelled persons.
_base_ = ['../../pose2seg/pose2seg_deeplabv3plus_xception71_8xb4-40e_cocopersons-512x512.py']

load_from = None

train_dataloader = dict(
    sampler=dict(_delete_=True, type='EpochDraws', shuffle=True),
    dataset=dict(
        _delete_=True,
        type='PseudoLabelDataset',
        ratio=0.5,
        labelled={{_base_.train_dataloader.dataset}},
        pseudo=dict(
            type='PersonPose2SegDataset',
            source=dict(type='PseudoLabels', store='set by the loop'),
            pipeline={{_base_.train_pipeline}})))

# The paper names no learning rate for the rounds; this is a tenth of the first.
optim_wrapper = dict(optimizer=dict(lr=2e-5))
param_scheduler = [dict(type='ConstantLR', factor=1.0, by_epoch=True)]
train_cfg = dict(max_epochs=10, val_interval=10)
