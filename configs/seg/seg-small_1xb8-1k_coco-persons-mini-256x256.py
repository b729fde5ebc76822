# The small Seg model on a handful of COCO's images (62 to train on, 31 to validate): a smoke test on photographs.
# The folder `coco_persons_mini`, laid out as COCO is, lies in `data/` or in $MMSELFHUMAN_DATA.
_base_ = [
    '../_base_/models/unet_small.py', '../_base_/datasets/cocopersons_seg.py', '../_base_/schedules/adamw_1k.py',
    '../_base_/default_runtime.py'
]

data_root = '{{$MMSELFHUMAN_DATA:data}}/coco_persons_mini/'
crop_size = (256, 256)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='LoadPersonSegMap'),
    dict(type='RandomResize', scale=(1024, 256), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='mmseg.RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs')
]
test_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmseg.Resize', scale=(1024, 256), keep_ratio=True),
    dict(type='LoadPersonSegMap'),
    dict(type='mmseg.PackSegInputs')
]
tta_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmseg.Resize', scale=(1024, 256), keep_ratio=True),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=0.), dict(type='RandomFlip', prob=1.)],
            [dict(type='LoadPersonSegMap')],
            [dict(type='mmseg.PackSegInputs')],
        ])
]

model = dict(data_preprocessor=dict(size=crop_size))
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(
        source=dict(data_root=data_root, img_prefix='images/train2017/'),
        pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        source=dict(data_root=data_root, img_prefix='images/val2017/'),
        pipeline=test_pipeline))
test_dataloader = val_dataloader
