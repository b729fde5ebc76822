# Synthetic people of both domains for testing instance segmenters that know their networks' input sizes themselves.
size = (128, 128)
meta_keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'flip', 'flip_direction', 'instances')

test_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    # `instances` brings the annotated poses along, for models that ask for them.
    dict(type='mmdet.PackDetInputs', meta_keys=meta_keys)
]
tta_pipeline = [
    dict(type='LoadPersonImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='mmdet.RandomFlip', prob=0.), dict(type='mmdet.RandomFlip', prob=1.)],
            [dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True)],
            [dict(type='mmdet.PackDetInputs', meta_keys=meta_keys)],
        ])
]

source_test = dict(type='SyntheticPeople', split='source_test', size=size)
target_test = dict(type='SyntheticPeople', split='target_test', size=size)

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
metric = ['segm', 'bbox', 'keypoints']
test_evaluator = dict(
    type='mmdet.MultiDatasetsEvaluator',
    dataset_prefixes=['source_test', 'target_test'],
    metrics=[
        dict(type='OCHumanMetric', metric=metric, source=source, variant='synthetic')
        for source in (source_test, target_test)
    ])
given_evaluator = dict(
    type='mmdet.MultiDatasetsEvaluator',
    dataset_prefixes=['source_test', 'target_test'],
    metrics=[
        dict(type='OCHumanMetric', metric=['segm', 'bbox'], given_keypoints=True, source=source, variant='synthetic')
        for source in (source_test, target_test)
    ])
