# The paper's instance segmenter with annotated poses in the Pose Module's place: a column of its own in the literature.
from mmengine.config import read_base

with read_base():
    from mmselfhuman.configs._base_.datasets.ochuman_persons import *
    from mmselfhuman.configs._base_.default_runtime import *
    from mmselfhuman.configs._base_.models.selfhuman_xception71 import *

model['pose'] = dict(type='AnnotatedPoses')
# Everybody who is annotated counts, however alike two are; all poses are equally sure.
model.update(same_pose=2., same_mask=2., score=dict(bias=0., pose=0., mask=1.))
test_evaluator = given_evaluator
test_cfg = dict(type='TestLoop')
