# For poses that are given, as people annotated them: trained on such poses as they are. A network that has learned not to
# rely on joints, as pose2seg-small_1xb16-800_synthetic-144x144.py must, knows less well where limbs end; this one is of
# little use where joints are wrong.
_base_ = ['pose2seg-small_1xb16-1k_synthetic-96x96.py']

crop = dict(type='CropPerson', size=(144, 144), context=1.25, whole=True)
maps = dict(type='AddSkeletonMaps', joint_sigma=4.5, limb_sigma=3., stride=3)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='RotateFrame', prob=0.5, degrees=45.),
    dict(type='BendLimbs', prob=0.3, degrees=60.),
    dict(type='PastePerson', prob=0.8, shift=(0.6, 0.15), interlaced=0.5),
    dict(type='PasteThing', prob=0.4),
    dict(crop, scale_range=(0.9, 1.2), shift=0.05),
    dict(type='mmseg.PhotoMetricDistortion'),
    dict(type='SpoilImage', blur=0.2, extent=0.08),
    maps,
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs')
]
test_pipeline = [
    dict(type='LoadPersonImage'),
    crop,
    maps,
    dict(type='mmseg.PackSegInputs', meta_keys={{_base_.meta_keys}})
]

model = dict(data_preprocessor=dict(size=crop['size']))
train_dataloader = dict(dataset=dict(source=dict(num_images=2000), pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(type='PersonPose2SegDataset', test_mode=True, source=source, pipeline=test_pipeline)
            for source in ({{_base_.source_test}}, {{_base_.target_test}})
        ]))

param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=50, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=50, end=2000, by_epoch=False)
]
train_cfg = dict(max_iters=2000, val_interval=2000)
default_hooks = dict(checkpoint=dict(interval=1000, max_keep_ckpts=1))
