# Algorithm 1 whose round 0 begins from masks on disk, those of a detector.
networks = dict(
    seg=dict(
        pretrain='../../configs/seg/deeplabv3plus_xception71_8xb2-30e_cocopersons-512x512.py',
        refine='../../configs/tpr/tpr_deeplabv3plus_xception71_8xb2-5x10e_cocopersons-512x512.py',
        finetune='../../configs/self_training/cocopersons-512x512/seg_finetune.py'))
videos = dict(type='UnlabelledVideos', paths='data/videos/')
predictions = dict(folder='work_dirs/detector_masks', foreground=True)
labels = dict(transforms=[dict(type='mmseg.Resize', scale=(2048, 512), keep_ratio=True)])
