# The paper's instance segmenter with poses of any other model in the Pose Module's place.
from mmengine.config import read_base

with read_base():
    from mmselfhuman.configs._base_.datasets.ochuman_persons import *
    from mmselfhuman.configs._base_.default_runtime import *
    from mmselfhuman.configs._base_.models.selfhuman_xception71 import *

model['pose'] = dict(type='StoredPoses', file='poses.json', min_score=0.2)
test_cfg = dict(type='TestLoop')
