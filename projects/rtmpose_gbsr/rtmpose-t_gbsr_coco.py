# MMPose's RTMPose, on COCO and on videos whose poses GBSR refines.
_base_ = 'mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py'
custom_imports = dict(imports=['mmselfhuman'])

train_dataloader = dict(
    sampler=dict(_delete_=True, type='mmselfhuman.EpochDraws'),
    dataset=dict(
        _delete_=True, type='mmselfhuman.PseudoLabelDataset', labelled=_base_.train_dataloader.dataset,
        pseudo=dict(type='PersonPoseDataset', data_mode='topdown',
                    source=dict(type='PseudoLabels', store='work_dirs/rtmpose_gbsr/pseudo_labels'),
                    pipeline=[dict(type='mmselfhuman.LoadPersonImage'), *_base_.train_pipeline[1:]])))
custom_hooks = [dict(type='mmselfhuman.GBSRHook', videos=dict(type='UnlabelledVideos', paths='data/videos/'),
                     boxes='data/videos/boxes.json', start=400, interval=10,
                     transforms=_base_.val_pipeline[1:3])]
