# The paper's instance segmenter, tested on OCHuman.
from mmengine.config import read_base

with read_base():
    from mmselfhuman.configs._base_.datasets.ochuman_persons import *
    from mmselfhuman.configs._base_.default_runtime import *
    from mmselfhuman.configs._base_.models.selfhuman_xception71 import *

test_cfg = dict(type='TestLoop')
