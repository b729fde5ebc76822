# Algorithm 1 on real input: networks trained on 62 photographs of COCO and on synthetic people, taught by seven videos
# that nobody labelled, two of DAVIS among them, whose annotations are the Seg Module's test set; minutes on two CPU
# cores. The folders coco_persons_mini, davis_people and videos lie in `data/` or in $MMSELFHUMAN_DATA.
networks = dict(
    seg=dict(
        pretrain='real-320x180/seg_pretrain.py',
        refine='real-320x180/seg_refine.py',
        finetune='real-320x180/seg_finetune.py'),
    pose=dict(pretrain='real-320x180/pose_pretrain.py', refine='real-320x180/pose_refine.py'),
    pose2seg=dict(
        pretrain='real-320x180/pose2seg_pretrain.py', init='seg', finetune='real-320x180/pose2seg_finetune.py'))
videos = dict(
    type='UnlabelledVideos',
    paths=['{{$MMSELFHUMAN_DATA:data}}/davis_people/JPEGImages', '{{$MMSELFHUMAN_DATA:data}}/videos'],
    long_side=320,
    max_frames=100)

rounds = 1
n_tpr = 3
