# Algorithm 1 at the paper's scale: trained on COCOPersons, taught by any videos in data/videos/, tested on COCOPersons
# (each network) and OCHuman (the instance segmenter). For GPUs; see docs/self_training.md.
networks = dict(
    seg=dict(
        pretrain='../seg/deeplabv3plus_xception71_8xb2-30e_cocopersons-512x512.py',
        refine='../tpr/tpr_deeplabv3plus_xception71_8xb2-5x10e_cocopersons-512x512.py',
        finetune='cocopersons-512x512/seg_finetune.py'),
    pose=dict(
        pretrain='../pose/ae_hrnet-w32_8xb24-300e_cocopersons-512x512.py',
        refine='../gbsr/gbsr_ae_hrnet-w32_8xb24-2x10e_cocopersons-512x512.py'),
    pose2seg=dict(
        pretrain='../pose2seg/pose2seg_deeplabv3plus_xception71_8xb4-40e_cocopersons-512x512.py',
        init='seg',
        finetune='cocopersons-512x512/pose2seg_finetune.py'),
    instances=dict(test='../instance/selfhuman_ae-hrnet-w32_xception71_ochuman.py'))
videos = dict(type='UnlabelledVideos', paths='data/videos/')

rounds = 3
labels = dict(transforms=[dict(type='mmseg.Resize', scale=(2048, 512), keep_ratio=True)])
