# The embedded default's instance segmenter, tested on both domains of synthetic people.
from mmengine.config import read_base

with read_base():
    from mmselfhuman.configs._base_.datasets.synthetic_persons import *
    from mmselfhuman.configs._base_.default_runtime import *
    from mmselfhuman.configs._base_.models.selfhuman_small import *

test_cfg = dict(type='TestLoop')
