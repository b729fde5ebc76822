# Human parsing: 20 classes of LIP, and videos whose body parts TPR refines.
_base_ = '../../configs/parsing/deeplabv3plus_xception71_8xb2-30e_lip-473x473.py'

train_dataloader = dict(
    sampler=dict(_delete_=True, type='EpochDraws', shuffle=True),
    dataset=dict(
        _delete_=True, type='PseudoLabelDataset', labelled={{_base_.train_dataloader.dataset}},
        pseudo=dict(type='PersonSegDataset', source=dict(type='PseudoLabels', store='work_dirs/parsing_tpr/pseudo_labels'),
                    pipeline=[dict(type='LoadPersonImage'), dict(type='LoadPersonSegMap'), *_base_.train_pipeline[2:]])))
custom_hooks = [dict(type='TPRHook', videos=dict(type='UnlabelledVideos', paths='data/videos/'), start=20, interval=5,
                     rounds=2, transforms=[dict(type='mmseg.Resize', scale=(473, 473), keep_ratio=True)])]
