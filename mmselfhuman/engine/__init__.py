from mmselfhuman.engine.hooks import (
    ChannelsLast,
    DumpPredictions,
    ExactResumeHook,
    GBSRHook,
    ShowPredictions,
    TPRHook,
)

__all__ = ["ChannelsLast", "DumpPredictions", "ExactResumeHook", "GBSRHook", "ShowPredictions", "TPRHook"]
