"""The flow estimators by name, for configs."""

from mmselfhuman.models.flow.dis import DISFlow
from mmselfhuman.models.flow.raft import RAFTFlow
from mmselfhuman.registry import MODELS

MODELS.register_module(module=DISFlow)
MODELS.register_module(module=RAFTFlow)
