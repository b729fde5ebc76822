from mmselfhuman.engine.bfloat16 import BFloat16OptimWrapper
from mmselfhuman.engine.hooks import (
    ChannelsLast,
    DumpPredictions,
    ExactResumeHook,
    GBSRHook,
    ShowPredictions,
    TPRHook,
)

__all__ = [
    "BFloat16OptimWrapper",
    "ChannelsLast",
    "DumpPredictions",
    "ExactResumeHook",
    "GBSRHook",
    "ShowPredictions",
    "TPRHook",
]
