# The Pose2Seg Module on the persons of 62 photographs of COCO and on synthetic ones, from the Seg Module's weights;
# tested on 31 photographs, with annotated poses.
_base_ = ['../../pose2seg/pose2seg-small_1xb16-200_coco-persons-mini-96x96.py']

load_from = None

train_dataloader = dict(
    persistent_workers=True,
    sampler=dict(_delete_=True, type='EndlessDraws', shuffle=True),
    dataset=dict(
        _delete_=True,
        type='PseudoLabelDataset',
        ratio=0.0,
        labelled=dict(
            type='mmengine.ConcatDataset',
            datasets=[
                dict(type='mmengine.RepeatDataset', times=4, dataset={{_base_.train_dataloader.dataset}}),
                dict(
                    type='PersonPose2SegDataset',
                    source=dict(type='SyntheticPeople', split='source_train', num_images=500, size=(128, 128)),
                    pipeline={{_base_.train_pipeline}})
            ]),
        pseudo=dict(
            type='PersonPose2SegDataset',
            source=dict(type='PseudoLabels', store='set by the loop'),
            pipeline={{_base_.train_pipeline}})))
val_dataloader = val_cfg = val_evaluator = None

train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=200)
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=2))
