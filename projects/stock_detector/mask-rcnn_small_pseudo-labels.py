# The small Mask R-CNN, trained on labelled synthetic images, goes on with exported pseudo-labels among them. What lies in
# crowds, persons that are not sure enough, is neither learned nor background.
_base_ = '../../configs/baselines/mask-rcnn_small_1xb8-1k_synthetic-128x128.py'

model = dict(train_cfg=dict(rpn=dict(assigner=dict(ignore_iof_thr=0.5)), rcnn=dict(assigner=dict(ignore_iof_thr=0.5))))
pseudo_labels = dict(
    type='mmdet.CocoDataset',
    metainfo=dict(classes=('person', ), palette=[(220, 20, 60)]),
    ann_file='labels.json',
    data_prefix=dict(img='work_dirs/self_training/labels/frames/'),
    pipeline=[dict(type='LoadImageFromFile'), *_base_.train_pipeline[1:]])
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmdet.ConcatDataset',
        ignore_keys=['dataset_type', 'task_name'],
        datasets=[{{_base_.train_dataloader.dataset}}, pseudo_labels]))

load_from = 'work_dirs/mask-rcnn_small_1xb8-1k_synthetic-128x128/iter_1000.pth'
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, end=20, by_epoch=False)]
train_cfg = dict(max_iters=200, val_interval=200)
default_hooks = dict(checkpoint=dict(interval=200))
custom_hooks = [dict(type='EMAHook', momentum=0.02, update_buffers=True)]
