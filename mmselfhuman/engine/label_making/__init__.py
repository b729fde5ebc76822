"""From clips and a network to a round of pseudo-labels; needs no Runner."""

from mmselfhuman.engine.label_making.maker import LabelMaker
from mmselfhuman.engine.label_making.predictors import Predictor, SegmentorPredictor
from mmselfhuman.engine.label_making.reading import UnusableClipError
from mmselfhuman.engine.label_making.rounds import RoundReport, make_round
from mmselfhuman.engine.label_making.signals import (
    CollapsedLabelsError,
    CollapseGuard,
    FrameSignals,
    RoundSignals,
)
from mmselfhuman.engine.label_making.stored_predictions import StoredPredictions

__all__ = [
    "CollapseGuard",
    "CollapsedLabelsError",
    "FrameSignals",
    "LabelMaker",
    "Predictor",
    "RoundReport",
    "RoundSignals",
    "SegmentorPredictor",
    "StoredPredictions",
    "UnusableClipError",
    "make_round",
]
