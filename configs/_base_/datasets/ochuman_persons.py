# OCHuman's two splits, in the files that tools/dataset_converters/ochuman2coco.py writes, for testing instance
# segmenters that know their networks' input sizes themselves.
ochuman_root = 'data/ochuman/'
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

test_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmdet.ConcatDataset',
        datasets=[
            dict(
                type='PersonInstanceDataset',
                test_mode=True,
                source=dict(
                    type='OCHuman',
                    data_root=ochuman_root,
                    ann_file=f'ochuman_coco_format_{split}_range_0.00_1.00.json',
                    img_prefix='images/'),
                pipeline=test_pipeline) for split in ('val', 'test')
        ]))
test_evaluator = dict(
    type='mmdet.MultiDatasetsEvaluator',
    dataset_prefixes=['val', 'test'],
    metrics=[
        dict(type='OCHumanMetric', metric=['segm', 'bbox', 'keypoints'], ann_file=ochuman_root, split=split)
        for split in ('val', 'test')
    ])
given_evaluator = dict(
    type='mmdet.MultiDatasetsEvaluator',
    dataset_prefixes=['val', 'test'],
    metrics=[
        dict(
            type='OCHumanMetric',
            metric=['segm', 'bbox'],
            given_keypoints=True,
            ann_file=ochuman_root,
            split=split) for split in ('val', 'test')
    ])
