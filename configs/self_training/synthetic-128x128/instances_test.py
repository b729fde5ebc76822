# The instance segmenter made of the loop's three networks, tested on the target domain.
from mmengine.config import read_base

with read_base():
    from mmselfhuman.configs._base_.datasets.synthetic_persons import *
    from mmselfhuman.configs._base_.default_runtime import *
    from mmselfhuman.configs._base_.models.selfhuman_small import *

test_dataloader['dataset'] = dict(
    type='PersonInstanceDataset', test_mode=True, source=target_test, pipeline=test_pipeline)
test_evaluator = dict(type='OCHumanMetric', metric=['segm', 'keypoints'], source=target_test, variant='synthetic')
test_cfg = dict(type='TestLoop')
