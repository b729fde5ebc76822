# The embedded default's instance segmenter, tested on both domains of synthetic people.
from mmengine.config import read_base

with read_base():
    from mmselfhuman.configs._base_.datasets.synthetic_persons import *
    from mmselfhuman.configs._base_.default_runtime import *
    from mmselfhuman.configs._base_.models.selfhuman_small import *

# Crops and maps of configs/pose2seg/pose2seg-small_1xb16-800_synthetic-144x144.py.
model['pose2seg'].update(size=(144, 144), joint_sigma=4.5, limb_sigma=3., stride=3)
model['pose2seg']['segmentor']['data_preprocessor'].update(size=(144, 144))
test_cfg = dict(type='TestLoop')
