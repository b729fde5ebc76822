# The Seg Module on 62 photographs of COCO and on synthetic people, in equal parts; tested on the two annotated videos,
# whose masks no training sees. The data lie in `data/` or in $MMSELFHUMAN_DATA.
_base_ = [
    '../../_base_/models/unet_small.py', '../../_base_/schedules/adamw_1k.py', '../../_base_/default_runtime.py'
]

data_root = '{{$MMSELFHUMAN_DATA:data}}/'
crop_size = (192, 192)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='LoadPersonSegMap'),
    dict(type='RandomResize', scale=(1024, 224), ratio_range=(0.6, 1.6), keep_ratio=True),
    dict(type='mmseg.RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PhotoMetricDistortion'),
    dict(type='mmseg.PackSegInputs')
]
test_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmseg.Resize', scale=(320, 320), keep_ratio=True),
    # After the resizing: predictions are compared at the size of the image.
    dict(type='LoadPersonSegMap'),
    dict(type='mmseg.PackSegInputs')
]

model = dict(
    data_preprocessor=dict(size=crop_size),
    decode_head=dict(loss_decode=[
        dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
        # Without it, a network this small finds nobody in most photographs.
        dict(type='mmseg.LovaszLoss', per_image=False, reduction='none', classes=[1])
    ]))
train_dataloader = dict(
    batch_size=8,
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
                        type='PersonSegDataset',
                        source=dict(
                            type='COCOPersons',
                            data_root=data_root + 'coco_persons_mini/',
                            ann_file='annotations/person_keypoints_train2017.json',
                            img_prefix='images/train2017/',
                            person_filter='mask'),
                        pipeline=train_pipeline)),
                dict(
                    type='PersonSegDataset',
                    source=dict(type='SyntheticPeople', split='source_train', num_images=500, size=(128, 128)),
                    pipeline=train_pipeline)
            ]),
        pseudo=dict(
            type='PersonSegDataset',
            source=dict(type='PseudoLabels', store='set by the loop'),
            pipeline=train_pipeline)))
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PersonSegDataset',
        test_mode=True,
        source=dict(
            type='AnnotatedVideos', data_root=data_root + 'davis_people/', images='JPEGImages', masks='Annotations'),
        pipeline=test_pipeline))
# Bystanders are background in the annotations: the second score leaves out what is far from the annotated person.
test_evaluator = [dict(type='VideoMaskMetric'), dict(type='VideoMaskMetric', margin=0.25, prefix='near')]

optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=30, end=1000, by_epoch=False)
]
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=1000)
default_hooks = dict(checkpoint=dict(interval=250, max_keep_ckpts=2))
