# The small Pose2Seg Module goes on with crops of half as many pixels again in height and width, where limbs are wide
# enough for their edges to be found, and with more images. Train pose2seg-small_1xb16-1k_synthetic-96x96.py first.
_base_ = ['pose2seg-small_1xb16-1k_synthetic-96x96.py']

load_from = 'work_dirs/pose2seg-small_1xb16-1k_synthetic-96x96/iter_1000.pth'

crop = dict(type='CropPerson', size=(144, 144), context=1.25)
# Drawn on as many cells as before.
maps = dict(type='AddSkeletonMaps', joint_sigma=4.5, limb_sigma=3., stride=3)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='RotateFrame', prob=0.5, degrees=45.),
    dict(type='BendLimbs', prob=0.3, degrees=60.),
    dict(type='PastePerson', prob=0.8, shift=(0.6, 0.15), interlaced=0.5),
    dict(type='PasteThing', prob=0.4),
    dict(type='PoseNoise'),
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
train_dataloader = dict(dataset=dict(source=dict(num_images=3000), pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(type='PersonPose2SegDataset', test_mode=True, source=source, pipeline=test_pipeline)
            for source in ({{_base_.source_test}}, {{_base_.target_test}})
        ]))

optim_wrapper = dict(optimizer=dict(lr=3e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=20, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=20, end=600, by_epoch=False)
]
train_cfg = dict(max_iters=600, val_interval=600)
default_hooks = dict(checkpoint=dict(interval=300, max_keep_ckpts=1))
