# The Pose2Seg Module on the persons of 62 photographs of COCO and on synthetic ones, from the Seg Module's weights;
# tested on 31 photographs, with annotated poses.
_base_ = ['../../_base_/models/unet_small.py', '../../_base_/schedules/adamw_1k.py', '../../_base_/default_runtime.py']

data_root = '{{$MMSELFHUMAN_DATA:data}}/coco_persons_mini/'
crop = dict(type='CropPerson', size=(96, 96), context=1.25, whole=True)
maps = dict(type='AddSkeletonMaps', joint_sigma=3., limb_sigma=2., stride=2)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='PoseNoise', fragment=0.25),
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

model = dict(
    type='Pose2Seg',
    data_preprocessor=dict(type='Pose2SegDataPreProcessor', size=crop['size']),
    decode_head=dict(loss_decode=[
        dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
        dict(type='mmseg.LovaszLoss', per_image=True, classes=[1])
    ]))
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
                    times=4,
                    dataset=dict(
                        type='PersonPose2SegDataset',
                        source=dict(
                            type='COCOPersons',
                            data_root=data_root,
                            ann_file='annotations/person_keypoints_train2017.json',
                            img_prefix='images/train2017/'),
                        pipeline=train_pipeline)),
                dict(
                    type='PersonPose2SegDataset',
                    source=dict(type='SyntheticPeople', split='source_train', num_images=500, size=(128, 128)),
                    pipeline=train_pipeline)
            ]),
        pseudo=dict(
            type='PersonPose2SegDataset',
            source=dict(type='PseudoLabels', store='set by the loop'),
            pipeline=train_pipeline)))
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = dict(
    batch_size=32,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PersonPose2SegDataset',
        test_mode=True,
        source=dict(
            type='COCOPersons',
            data_root=data_root,
            ann_file='annotations/person_keypoints_val2017.json',
            img_prefix='images/val2017/'),
        pipeline=test_pipeline))
test_evaluator = dict(
    type='COCOPersonsMetric',
    metric='segm',
    given_keypoints=True,
    ann_file=data_root + 'annotations/person_keypoints_val2017.json')

optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=30, end=200, by_epoch=False)
]
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=200)
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=2))
