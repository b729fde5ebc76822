from mmselfhuman.engine.hooks import ChannelsLast, DumpPredictions, ShowPredictions

__all__ = ["ChannelsLast", "DumpPredictions", "ShowPredictions"]
