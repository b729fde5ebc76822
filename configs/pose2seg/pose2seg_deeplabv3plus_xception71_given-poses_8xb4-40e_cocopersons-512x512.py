# For the column of annotated poses: the paper's Pose2Seg Module trained on annotated poses as they are.
_base_ = ['pose2seg_deeplabv3plus_xception71_8xb4-40e_cocopersons-512x512.py']

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='CropPerson', size=(512, 512), context=1.4, scale_range=(0.8, 1.3), shift=0.1),
    dict(type='mmseg.PhotoMetricDistortion'),
    {{_base_.maps}},
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs')
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
