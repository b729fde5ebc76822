# MMSegmentation's SegFormer, on COCO's persons and on videos that it labels for itself.
_base_ = 'mmseg::segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py'
custom_imports = dict(imports=['mmselfhuman'])
model = dict(decode_head=dict(num_classes=2))

coco = dict(type='COCOPersons', data_root='data/coco/', img_prefix='train2017/',
            ann_file='annotations/person_keypoints_train2017.json', person_filter='mask')
pipeline = [dict(type='mmselfhuman.LoadPersonImage'), dict(type='mmselfhuman.LoadPersonSegMap'),
            *_base_.train_pipeline[2:]]
train_dataloader = dict(
    sampler=dict(_delete_=True, type='mmselfhuman.EndlessDraws'),
    dataset=dict(
        _delete_=True, type='mmselfhuman.PseudoLabelDataset',
        labelled=dict(type='mmselfhuman.PersonSegDataset', source=coco, pipeline=pipeline),
        pseudo=dict(type='PersonSegDataset', pipeline=pipeline,
                    source=dict(type='PseudoLabels', store='work_dirs/segformer_tpr/pseudo_labels'))))
custom_hooks = [dict(type='mmselfhuman.TPRHook', videos=dict(type='UnlabelledVideos', paths='data/videos/'),
                     start=80000, interval=16000)]
val_dataloader = val_cfg = val_evaluator = test_dataloader = test_cfg = test_evaluator = None
