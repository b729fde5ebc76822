# Synthetic people as instances: trained and validated on the source domain, tested on both domains.
size = (128, 128)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='mmdet.RandomFlip', prob=0.5),
    dict(type='mmdet.PhotoMetricDistortion'),
    dict(type='mmdet.PackDetInputs')
]
test_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    # Boxes are mapped back by the scale of a resizing, so there must have been one.
    dict(type='mmdet.Resize', scale=size, keep_ratio=True),
    dict(type='mmdet.PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
]

source_test = dict(type='SyntheticPeople', split='source_test', size=size)
target_test = dict(type='SyntheticPeople', split='target_test', size=size)

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='PersonInstanceDataset',
        source=dict(type='SyntheticPeople', split='source_train', size=size),
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=16,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='PersonInstanceDataset', test_mode=True, source=source_test, pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=16,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmdet.ConcatDataset',
        datasets=[
            dict(type='PersonInstanceDataset', test_mode=True, source=source, pipeline=test_pipeline)
            for source in (source_test, target_test)
        ]))

val_evaluator = dict(type='OCHumanMetric', metric=['bbox', 'segm'], source=source_test, variant='synthetic')
test_evaluator = dict(
    type='mmdet.MultiDatasetsEvaluator',
    dataset_prefixes=['source_test', 'target_test'],
    metrics=[
        dict(type='OCHumanMetric', metric=['bbox', 'segm'], source=source, variant='synthetic')
        for source in (source_test, target_test)
    ])
