# COCOPersons, one person at a time, cut out around the pose. In training poses are as wrong as detected ones are; in
# testing they are the annotated ones.
data_root = 'data/coco/'
crop = dict(type='CropPerson', size=(512, 512), context=1.4)
maps = dict(type='AddSkeletonMaps', joint_sigma=16., limb_sigma=10., stride=4)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='PoseNoise'),
    dict(crop, scale_range=(0.8, 1.3), shift=0.1),
    dict(type='mmseg.PhotoMetricDistortion'),
    maps,
    # The maps of a mirrored person are the mirrored maps.
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs')
]
test_pipeline = [
    dict(type='LoadPersonImage'),
    crop,
    maps,
    dict(
        type='mmseg.PackSegInputs',
        meta_keys=('id', 'img_id', 'img_path', 'ori_shape', 'img_shape', 'region', 'frame_shape', 'reduce_zero_label'))
]

train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='PersonPose2SegDataset',
        source=dict(
            type='COCOPersons',
            data_root=data_root,
            ann_file='annotations/person_keypoints_train2017.json',
            img_prefix='train2017/'),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PersonPose2SegDataset',
        test_mode=True,
        source=dict(
            type='COCOPersons',
            data_root=data_root,
            ann_file='annotations/person_keypoints_val2017.json',
            img_prefix='val2017/'),
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='COCOPersonsMetric',
    metric='segm',
    given_keypoints=True,
    ann_file=data_root + 'annotations/person_keypoints_val2017.json')
test_evaluator = val_evaluator
