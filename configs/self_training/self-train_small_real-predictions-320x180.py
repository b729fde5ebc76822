# The same from somebody's predictions: round 0 are the masks of a public network on the two videos of DAVIS, which TPR
# refines and a small Seg Module learns; they keep their say in later rounds. Other masks or logits are taken with
# --cfg-options predictions.folder=... predictions.foreground=...
networks = dict(
    seg=dict(
        pretrain='real-320x180/seg_pretrain.py',
        refine='real-320x180/seg_refine.py',
        finetune='real-320x180/seg_finetune.py'))
predictions = dict(folder='{{$MMSELFHUMAN_DATA:data}}/davis_people/predictions/rvos', foreground=True)
videos = dict(type='UnlabelledVideos', paths='{{$MMSELFHUMAN_DATA:data}}/davis_people/JPEGImages', long_side=320)

rounds = 1
n_tpr = 3
