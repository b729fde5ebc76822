from mmselfhuman.engine.hooks.channels_last import ChannelsLast
from mmselfhuman.engine.hooks.dump_predictions import DumpPredictions
from mmselfhuman.engine.hooks.show_predictions import ShowPredictions

__all__ = ["ChannelsLast", "DumpPredictions", "ShowPredictions"]
