# Whole images of synthetic people with all their poses: trained and validated on the source domain, tested on both.
size = (128, 128)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmpose.BottomupRandomAffine', input_size=size, scale_type='long', scale_factor=(0.8, 1.4), shift_factor=0.1),
    dict(type='mmpose.RandomFlip', direction='horizontal'),
    dict(type='mmseg.PhotoMetricDistortion'),
    dict(
        type='mmpose.GenerateTarget',
        encoder=dict(type='mmselfhuman.AssociativeEmbedding', input_size=size, heatmap_size=(64, 64), sigma=1.5)),
    dict(type='mmpose.BottomupGetHeatmapMask'),
    dict(type='mmpose.PackPoseInputs')
]
test_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmpose.BottomupResize', input_size=size, size_factor=16, resize_mode='expand'),
    dict(
        type='mmpose.PackPoseInputs',
        meta_keys=('id', 'img_id', 'img_path', 'ori_shape', 'img_shape', 'input_size', 'input_center', 'input_scale',
                   'flip', 'flip_direction', 'flip_indices', 'raw_ann_info', 'skeleton_links'))
]

source_test = dict(type='SyntheticPeople', split='source_test', size=size)
target_test = dict(type='SyntheticPeople', split='target_test', size=size)

train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='PersonPoseDataset',
        data_mode='bottomup',
        source=dict(type='SyntheticPeople', split='source_train', size=size),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=32,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PersonPoseDataset', data_mode='bottomup', test_mode=True, source=source_test, pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=32,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmdet.ConcatDataset',
        datasets=[
            dict(type='PersonPoseDataset', data_mode='bottomup', test_mode=True, source=source, pipeline=test_pipeline)
            for source in (source_test, target_test)
        ],
        # The wrapper compares with `!=`, which arrays do not answer with one truth value.
        ignore_keys=['keypoint_colors', 'skeleton_link_colors', 'dataset_keypoint_weights', 'sigmas']))

val_evaluator = dict(type='OCHumanMetric', metric='keypoints', source=source_test, variant='synthetic')
test_evaluator = dict(
    type='mmdet.MultiDatasetsEvaluator',
    dataset_prefixes=['source_test', 'target_test'],
    metrics=[
        dict(type='OCHumanMetric', metric='keypoints', source=source, variant='synthetic')
        for source in (source_test, target_test)
    ])
