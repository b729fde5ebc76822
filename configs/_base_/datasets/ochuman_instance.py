# OCHuman's two splits, in the files that tools/dataset_converters/ochuman2coco.py writes. It is for testing only.
ochuman_root = 'data/ochuman/'

ochuman_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmdet.Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='mmdet.PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
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
                pipeline=ochuman_pipeline) for split in ('val', 'test')
        ]))

test_evaluator = dict(
    type='mmdet.MultiDatasetsEvaluator',
    dataset_prefixes=['val', 'test'],
    metrics=[
        dict(type='OCHumanMetric', metric=['bbox', 'segm'], ann_file=ochuman_root, split=split)
        for split in ('val', 'test')
    ])
