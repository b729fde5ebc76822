# Synthetic people, person against background: trained and validated on the source domain, tested on both domains.
# `SyntheticPeople` renders; nothing is read from disk.
size = (128, 128)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='LoadPersonSegMap'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PhotoMetricDistortion'),
    dict(type='mmseg.PackSegInputs')
]
test_pipeline = [dict(type='LoadPersonImage'), dict(type='LoadPersonSegMap'), dict(type='mmseg.PackSegInputs')]
tta_pipeline = [
    dict(type='LoadPersonImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=0.), dict(type='RandomFlip', prob=1.)],
            [dict(type='LoadPersonSegMap')],
            [dict(type='mmseg.PackSegInputs')],
        ])
]

source_test = dict(
    type='PersonSegDataset',
    test_mode=True,
    source=dict(type='SyntheticPeople', split='source_test', size=size),
    pipeline=test_pipeline)
target_test = dict(
    type='PersonSegDataset',
    test_mode=True,
    source=dict(type='SyntheticPeople', split='target_test', size=size),
    pipeline=test_pipeline)

train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='PersonSegDataset',
        source=dict(type='SyntheticPeople', split='source_train', size=size),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=32,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=source_test)
test_dataloader = dict(
    batch_size=32,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmdet.ConcatDataset', datasets=[source_test, target_test]))

val_evaluator = dict(type='ClassIoUMetric')
test_evaluator = dict(
    type='mmdet.MultiDatasetsEvaluator',
    dataset_prefixes=['source_test', 'target_test'],
    metrics=[dict(type='ClassIoUMetric'), dict(type='ClassIoUMetric')])
