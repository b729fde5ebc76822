# Algorithm 1 on the embedded data: trained on labelled images of the source domain, taught by videos of the target
# domain; minutes on two CPU cores. The networks' own configs lie beside this one.
networks = dict(
    seg=dict(
        pretrain='synthetic-128x128/seg_pretrain.py',
        refine='synthetic-128x128/seg_refine.py',
        finetune='synthetic-128x128/seg_finetune.py'),
    pose=dict(pretrain='synthetic-128x128/pose_pretrain.py', refine='synthetic-128x128/pose_refine.py'),
    pose2seg=dict(
        pretrain='synthetic-128x128/pose2seg_pretrain.py',
        init='seg',
        finetune='synthetic-128x128/pose2seg_finetune.py'),
    instances=dict(test='synthetic-128x128/instances_test.py'))
videos = dict(type='SyntheticVideos', split='target', num_videos=12, num_frames=16, size=(128, 128))

# A second round gains little here (docs/benchmarks_loop.md), and takes a third of the time.
rounds = 1
n_tpr = 3
# Small networks keep one core busy, not two.
jobs = 2
labels = dict(store=dict(image_format='png'))
