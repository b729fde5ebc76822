# The Pose Module on 62 photographs of COCO and on synthetic people, in equal parts; tested on 31 photographs.
_base_ = ['../../_base_/models/ae_small.py', '../../_base_/schedules/adamw_1k.py', '../../_base_/default_runtime.py']

data_root = '{{$MMSELFHUMAN_DATA:data}}/coco_persons_mini/'
crop_size, frame_size = (128, 128), (320, 320)
encoder = dict(type='mmselfhuman.AssociativeEmbedding', input_size=crop_size, heatmap_size=(64, 64), sigma=2.)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(
        type='mmpose.BottomupRandomAffine',
        input_size=crop_size,
        scale_type='long',
        scale_factor=(0.6, 1.2),
        shift_factor=0.1),
    dict(type='mmpose.RandomFlip', direction='horizontal'),
    dict(type='mmseg.PhotoMetricDistortion'),
    dict(type='mmpose.GenerateTarget', encoder=encoder),
    dict(type='mmpose.BottomupGetHeatmapMask'),
    dict(type='mmpose.PackPoseInputs')
]
test_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmpose.BottomupResize', input_size=frame_size, size_factor=16, resize_mode='expand'),
    dict(
        type='mmpose.PackPoseInputs',
        meta_keys=('id', 'img_id', 'img_path', 'ori_shape', 'img_shape', 'input_size', 'input_center', 'input_scale',
                   'flip', 'flip_direction', 'flip_indices', 'raw_ann_info', 'skeleton_links'))
]

train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='EndlessDraws', shuffle=True),
    dataset=dict(
        type='PseudoLabelDataset',
        ratio=0.0,
        labelled=dict(
            type='mmengine.ConcatDataset',
            datasets=[
                dict(
                    type='mmengine.RepeatDataset',
                    times=8,
                    dataset=dict(
                        type='PersonPoseDataset',
                        data_mode='bottomup',
                        source=dict(
                            type='COCOPersons',
                            data_root=data_root,
                            ann_file='annotations/person_keypoints_train2017.json',
                            img_prefix='images/train2017/'),
                        pipeline=train_pipeline)),
                dict(
                    type='PersonPoseDataset',
                    data_mode='bottomup',
                    source=dict(type='SyntheticPeople', split='source_train', num_images=500, size=(128, 128)),
                    pipeline=train_pipeline)
            ],
            # The wrapper compares with `!=`, which arrays do not answer with one truth value.
            ignore_keys=['keypoint_colors', 'skeleton_link_colors', 'dataset_keypoint_weights', 'sigmas']),
        pseudo=dict(
            type='PersonPoseDataset',
            data_mode='bottomup',
            filter_cfg=dict(filter_empty_gt=True),
            source=dict(type='PseudoLabels', store='set by the loop'),
            pipeline=[
                *train_pipeline[:-1],
                # What the network missed is no background.
                dict(type='IgnoreUnlabelledJoints'),
                train_pipeline[-1]
            ])))
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PersonPoseDataset',
        data_mode='bottomup',
        test_mode=True,
        source=dict(
            type='COCOPersons',
            data_root=data_root,
            ann_file='annotations/person_keypoints_val2017.json',
            img_prefix='images/val2017/'),
        pipeline=test_pipeline))
test_evaluator = dict(
    type='COCOPersonsMetric', metric='keypoints', ann_file=data_root + 'annotations/person_keypoints_val2017.json')

custom_hooks = [dict(type='ChannelsLast')]
optim_wrapper = dict(optimizer=dict(lr=5e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=30, end=800, by_epoch=False)
]
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=800)
default_hooks = dict(checkpoint=dict(interval=200, max_keep_ckpts=2))
