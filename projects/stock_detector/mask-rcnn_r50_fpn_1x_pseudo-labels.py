# MMDetection's Mask R-CNN, trained on exported pseudo-labels; nothing of this package runs.
_base_ = 'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'

model = dict(roi_head=dict(bbox_head=dict(num_classes=1), mask_head=dict(num_classes=1)))
person = dict(classes=('person', ))
train_dataloader = dict(
    dataset=dict(data_root='', metainfo=person, ann_file='labels.json',
                 data_prefix=dict(img='work_dirs/self_training/labels/frames/')))
val_dataloader = dict(dataset=dict(metainfo=person))
test_dataloader = dict(dataset=dict(metainfo=person))
