# COCOPersons: COCO's persons with keypoints and a mask, as instances.
data_root = 'data/coco/'

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='mmdet.Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='mmdet.RandomFlip', prob=0.5),
    dict(type='mmdet.PackDetInputs')
]
test_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmdet.Resize', scale=(1333, 800), keep_ratio=True),
    # After the resizing: ground truth is drawn and compared at the size of the image.
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='mmdet.PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))
]

train_dataloader = dict(
    batch_size=2,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='mmdet.AspectRatioBatchSampler'),
    dataset=dict(
        type='PersonInstanceDataset',
        source=dict(
            type='COCOPersons',
            data_root=data_root,
            ann_file='annotations/person_keypoints_train2017.json',
            img_prefix='train2017/'),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PersonInstanceDataset',
        test_mode=True,
        source=dict(
            type='COCOPersons',
            data_root=data_root,
            ann_file='annotations/person_keypoints_val2017.json',
            img_prefix='val2017/'),
        pipeline=test_pipeline))

val_evaluator = dict(
    type='COCOPersonsMetric',
    metric=['bbox', 'segm'],
    ann_file=data_root + 'annotations/person_keypoints_val2017.json')
