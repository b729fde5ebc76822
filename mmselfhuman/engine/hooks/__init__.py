from mmselfhuman.engine.hooks.channels_last import ChannelsLast
from mmselfhuman.engine.hooks.dump_predictions import DumpPredictions
from mmselfhuman.engine.hooks.exact_resume import ExactResumeHook
from mmselfhuman.engine.hooks.gbsr_hook import GBSRHook
from mmselfhuman.engine.hooks.show_predictions import ShowPredictions
from mmselfhuman.engine.hooks.tpr_hook import TPRHook

__all__ = ["ChannelsLast", "DumpPredictions", "ExactResumeHook", "GBSRHook", "ShowPredictions", "TPRHook"]
