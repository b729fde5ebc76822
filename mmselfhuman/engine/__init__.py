from mmselfhuman.engine.hooks import ChannelsLast, DumpPredictions, ExactResumeHook, ShowPredictions, TPRHook

__all__ = ["ChannelsLast", "DumpPredictions", "ExactResumeHook", "ShowPredictions", "TPRHook"]
