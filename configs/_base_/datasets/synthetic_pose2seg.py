# Single synthetic people, cut out around their poses: trained and validated on the source domain, tested on both domains.
# In training poses are as wrong as detected ones; in testing they are the annotated ones.
size = (128, 128)
crop = dict(type='CropPerson', size=(96, 96), context=1.25, whole=True)
maps = dict(type='AddSkeletonMaps', joint_sigma=3., limb_sigma=2., stride=2)
meta_keys = ('id', 'img_id', 'img_path', 'ori_shape', 'img_shape', 'region', 'frame_shape', 'reduce_zero_label')

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='RotateFrame', prob=0.5, degrees=45.),
    dict(type='BendLimbs', prob=0.3, degrees=60.),
    dict(type='PastePerson', prob=0.8, shift=(0.6, 0.15), interlaced=0.5),
    dict(type='PasteThing', prob=0.4),
    dict(type='PoseNoise', fragment=0.25),
    dict(crop, scale_range=(0.9, 1.2), shift=0.05),
    dict(type='mmseg.PhotoMetricDistortion'),
    dict(type='SpoilImage', blur=0.2, extent=0.08),
    maps,
    # The maps of a mirrored person are the mirrored maps.
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs')
]
test_pipeline = [
    dict(type='LoadPersonImage'),
    crop,
    maps,
    dict(type='mmseg.PackSegInputs', meta_keys=meta_keys)
]

source_test = dict(type='SyntheticPeople', split='source_test', size=size)
target_test = dict(type='SyntheticPeople', split='target_test', size=size)

train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='PersonPose2SegDataset',
        source=dict(type='SyntheticPeople', split='source_train', size=size),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=64,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='PersonPose2SegDataset', test_mode=True, source=source_test, pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=64,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmdet.ConcatDataset',
        datasets=[
            dict(type='PersonPose2SegDataset', test_mode=True, source=source, pipeline=test_pipeline)
            for source in (source_test, target_test)
        ]))

val_evaluator = dict(
    type='OCHumanMetric', metric='segm', given_keypoints=True, source=source_test, variant='synthetic')
test_evaluator = dict(
    type='mmdet.MultiDatasetsEvaluator',
    dataset_prefixes=['source_test', 'target_test'],
    metrics=[
        dict(type='OCHumanMetric', metric='segm', given_keypoints=True, source=source, variant='synthetic')
        for source in (source_test, target_test)
    ])
