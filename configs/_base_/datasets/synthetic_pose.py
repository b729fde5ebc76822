# Single synthetic people in their annotated boxes: trained and validated on the source domain, tested on both domains.
size = (128, 128)
# `_scope_`, because codecs have a registry of MMPose's own in which our scope has no node.
codec = dict(_scope_='mmpose', type='UDPHeatmap', input_size=(48, 64), heatmap_size=(24, 32), sigma=1.5)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmpose.GetBBoxCenterScale'),
    dict(type='mmpose.RandomFlip', direction='horizontal'),
    dict(type='mmpose.RandomBBoxTransform', rotate_factor=60),
    dict(type='mmpose.TopdownAffine', input_size=codec['input_size'], use_udp=True),
    dict(type='mmpose.GenerateTarget', encoder=codec),
    dict(type='mmpose.PackPoseInputs')
]
test_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmpose.GetBBoxCenterScale'),
    dict(type='mmpose.TopdownAffine', input_size=codec['input_size'], use_udp=True),
    dict(type='mmpose.PackPoseInputs')
]

source_test = dict(
    type='PersonPoseDataset',
    test_mode=True,
    source=dict(type='SyntheticPeople', split='source_test', size=size),
    pipeline=test_pipeline)
target_test = dict(
    type='PersonPoseDataset',
    test_mode=True,
    source=dict(type='SyntheticPeople', split='target_test', size=size),
    pipeline=test_pipeline)

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='PersonPoseDataset',
        source=dict(type='SyntheticPeople', split='source_train', size=size),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=128,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=source_test)
test_dataloader = dict(
    batch_size=128,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='mmdet.ConcatDataset',
        datasets=[source_test, target_test],
        # The wrapper compares with `!=`, which arrays do not answer with one truth value.
        ignore_keys=['keypoint_colors', 'skeleton_link_colors', 'dataset_keypoint_weights', 'sigmas']))

# Ground truth comes with the samples; `nms_mode='none'`, because there is one prediction for each annotated box.
val_evaluator = dict(type='mmpose.CocoMetric', nms_mode='none')
test_evaluator = dict(
    type='mmdet.MultiDatasetsEvaluator',
    dataset_prefixes=['source_test', 'target_test'],
    metrics=[dict(type='mmpose.CocoMetric', nms_mode='none'), dict(type='mmpose.CocoMetric', nms_mode='none')])
