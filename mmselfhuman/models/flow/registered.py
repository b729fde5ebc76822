"""The flow estimators by name, for configs."""

from mmselfhuman.models.flow.dis import DISFlow
from mmselfhuman.models.flow.mmflow_estimator import MMFlowEstimator
from mmselfhuman.models.flow.ptlflow_estimator import PTLFlowEstimator
from mmselfhuman.models.flow.raft import RAFTFlow
from mmselfhuman.registry import MODELS

for estimator in (DISFlow, MMFlowEstimator, PTLFlowEstimator, RAFTFlow):
    MODELS.register_module(module=estimator)
