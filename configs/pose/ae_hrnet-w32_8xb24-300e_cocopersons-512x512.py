# The paper's Pose Module: Associative Embedding with mmpose's network and schedule, trained on COCOPersons.
_base_ = 'mmpose::body_2d_keypoint/associative_embedding/coco/ae_hrnet-w32_8xb24-300e_coco-512x512.py'
default_scope = 'mmselfhuman'

model = dict(
    head=dict(
        type='mmselfhuman.AssociativeEmbeddingHead',
        keypoint_loss=dict(_delete_=True, type='KeypointMSELoss'),
        tag_loss=dict(_delete_=True, type='mmselfhuman.PullPushLoss', loss_weight=1e-3),
        decoder=dict(type='mmselfhuman.AssociativeEmbedding')))

default_hooks = dict(checkpoint=dict(save_best='cocopersons/keypoints_AP', rule='greater', interval=50))

data_root = 'data/coco/'
input_size = (512, 512)
encoder = dict(type='mmselfhuman.AssociativeEmbedding', input_size=input_size, heatmap_size=(128, 128), sigma=2)

train_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmpose.BottomupRandomAffine', input_size=input_size),
    dict(type='mmpose.RandomFlip', direction='horizontal'),
    dict(type='mmpose.GenerateTarget', encoder=encoder),
    dict(type='mmpose.BottomupGetHeatmapMask'),
    dict(type='mmpose.PackPoseInputs')
]
val_pipeline = [
    dict(type='LoadPersonImage'),
    dict(type='mmpose.BottomupResize', input_size=input_size, size_factor=64, resize_mode='expand'),
    dict(
        type='mmpose.PackPoseInputs',
        meta_keys=('id', 'img_id', 'img_path', 'ori_shape', 'img_shape', 'input_size', 'input_center', 'input_scale',
                   'flip', 'flip_direction', 'flip_indices', 'raw_ann_info', 'skeleton_links'))
]

train_dataloader = dict(
    _delete_=True,
    batch_size=24,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='PersonPoseDataset',
        data_mode='bottomup',
        source=dict(
            type='COCOPersons',
            data_root=data_root,
            ann_file='annotations/person_keypoints_train2017.json',
            img_prefix='train2017/'),
        pipeline=train_pipeline))
val_dataloader = dict(
    _delete_=True,
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='PersonPoseDataset',
        data_mode='bottomup',
        test_mode=True,
        source=dict(
            type='COCOPersons',
            data_root=data_root,
            ann_file='annotations/person_keypoints_val2017.json',
            img_prefix='val2017/'),
        pipeline=val_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(
    _delete_=True,
    type='COCOPersonsMetric',
    metric='keypoints',
    ann_file=data_root + 'annotations/person_keypoints_val2017.json')
test_evaluator = val_evaluator
