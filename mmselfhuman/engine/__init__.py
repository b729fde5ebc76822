from mmselfhuman.engine.hooks import DumpPredictions, ShowPredictions

__all__ = ["DumpPredictions", "ShowPredictions"]
