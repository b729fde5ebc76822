# The embedded default's instance segmenter with annotated poses in the Pose Module's place.
from mmengine.config import read_base

with read_base():
    from mmselfhuman.configs._base_.datasets.synthetic_persons import *
    from mmselfhuman.configs._base_.default_runtime import *
    from mmselfhuman.configs._base_.models.selfhuman_small import *

# Crops and maps of configs/pose2seg/pose2seg-small_given-poses_1xb16-2k_synthetic-144x144.py.
model['pose2seg'].update(size=(144, 144), joint_sigma=4.5, limb_sigma=3., stride=3)
model['pose2seg']['segmentor']['data_preprocessor'].update(size=(144, 144))
model['pose'] = dict(type='AnnotatedPoses')
# Everybody who is annotated counts, however alike two are; all poses are equally sure.
model.update(same_pose=2., same_mask=2., score=dict(bias=0., pose=0., mask=1.))
test_evaluator = given_evaluator
test_cfg = dict(type='TestLoop')
