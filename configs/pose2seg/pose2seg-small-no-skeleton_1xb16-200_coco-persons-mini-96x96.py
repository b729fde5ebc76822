# The same network without skeleton channels, to measure what they are worth: it knows of a pose where the person is.
_base_ = ['pose2seg-small_1xb16-200_coco-persons-mini-96x96.py']

load_from = 'work_dirs/seg-small_1xb16-1k_synthetic-128x128/iter_1000.pth'

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='PoseNoise', fragment=0.25),
    dict(type='CropPerson', size=(96, 96), context=1.25, whole=True, scale_range=(0.8, 1.3), shift=0.1),
    dict(type='mmseg.PhotoMetricDistortion'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs')
]
test_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='CropPerson', size=(96, 96), context=1.25, whole=True),
    dict(
        type='mmseg.PackSegInputs',
        meta_keys=('id', 'img_id', 'img_path', 'ori_shape', 'img_shape', 'region', 'frame_shape', 'reduce_zero_label'))
]

model = dict(skeleton_channels=0, data_preprocessor=dict(skeleton_channels=0))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
