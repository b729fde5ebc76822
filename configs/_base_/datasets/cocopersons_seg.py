# COCO's persons, person against background. Everybody with a mask is learned; crowds are ignored.
data_root = 'data/coco/'
crop_size = (512, 512)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='LoadPersonSegMap'),
    dict(type='RandomResize', scale=(2048, 512), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='mmseg.RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PhotoMetricDistortion'),
    dict(type='mmseg.PackSegInputs')
]
test_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmseg.Resize', scale=(2048, 512), keep_ratio=True),
    # After the resizing: predictions are compared at the size of the image.
    dict(type='LoadPersonSegMap'),
    dict(type='mmseg.PackSegInputs')
]
tta_pipeline = [
    dict(type='LoadPersonImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='mmseg.Resize', scale=(2048, int(512 * ratio)), keep_ratio=True) for ratio in (0.75, 1.0, 1.25)],
            [dict(type='RandomFlip', prob=0.), dict(type='RandomFlip', prob=1.)],
            [dict(type='LoadPersonSegMap')],
            [dict(type='mmseg.PackSegInputs')],
        ])
]

train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='PersonSegDataset',
        source=dict(
            type='COCOPersons',
            data_root=data_root,
            ann_file='annotations/person_keypoints_train2017.json',
            img_prefix='train2017/',
            person_filter='mask'),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PersonSegDataset',
        test_mode=True,
        source=dict(
            type='COCOPersons',
            data_root=data_root,
            ann_file='annotations/person_keypoints_val2017.json',
            img_prefix='val2017/',
            person_filter='mask'),
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='ClassIoUMetric')
test_evaluator = val_evaluator
