# The paper's baseline: Mask R-CNN in its official configuration, validated on COCOPersons and tested on OCHuman.
_base_ = [
    'mmdet::_base_/models/mask-rcnn_r50_fpn.py', '../_base_/datasets/cocopersons_instance.py',
    '../_base_/datasets/ochuman_instance.py', '../_base_/schedules/sgd_step_12e.py', '../_base_/default_runtime.py'
]

model = dict(roi_head=dict(bbox_head=dict(num_classes=1), mask_head=dict(num_classes=1)))
visualizer = dict(
    type='mmdet.DetLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
