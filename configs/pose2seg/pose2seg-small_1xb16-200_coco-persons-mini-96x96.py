# The small Pose2Seg Module on 62 of COCO's images (31 to validate), begun from the Seg Module that synthetic people trained.
# The folder `coco_persons_mini`, laid out as COCO is, lies in `data/` or in $MMSELFHUMAN_DATA.
_base_ = [
    '../_base_/models/unet_small.py', '../_base_/datasets/cocopersons_pose2seg.py', '../_base_/schedules/adamw_1k.py',
    '../_base_/default_runtime.py'
]

load_from = 'work_dirs/seg-small_1xb16-1k_synthetic-128x128/iter_1000.pth'

data_root = '{{$MMSELFHUMAN_DATA:data}}/coco_persons_mini/'
crop = dict(type='CropPerson', size=(96, 96), context=1.25, whole=True)
maps = dict(type='AddSkeletonMaps', joint_sigma=3., limb_sigma=2., stride=2)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='PoseNoise', fragment=0.25),
    dict(crop, scale_range=(0.8, 1.3), shift=0.1),
    dict(type='mmseg.PhotoMetricDistortion'),
    maps,
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
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(
        source=dict(data_root=data_root, img_prefix='images/train2017/'),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=32,
    num_workers=1,
    dataset=dict(
        source=dict(data_root=data_root, img_prefix='images/val2017/'),
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/person_keypoints_val2017.json')
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=30, end=200, by_epoch=False)
]
train_cfg = dict(max_iters=200, val_interval=200)
default_hooks = dict(checkpoint=dict(interval=200, max_keep_ckpts=1))
