"""TPR: temporal parsing refinement, section 3.3 of the paper."""

from mmselfhuman.models.tpr.balance import VoteBalance
from mmselfhuman.models.tpr.flow_refinement import FlowRefinement, matching_errors, unreliable_vectors
from mmselfhuman.models.tpr.labels import logits_from_labels, predicted_labels
from mmselfhuman.models.tpr.mask_refinement import Neighbour, fuse
from mmselfhuman.models.tpr.propagation import integrate, propagate
from mmselfhuman.models.tpr.refiner import TemporalParsingRefiner
from mmselfhuman.models.tpr.reliability import CoarseFrame, FrameReliability
from mmselfhuman.models.tpr.stream import RefinedFrame
from mmselfhuman.models.tpr.trust import FlowTrust

__all__ = [
    "CoarseFrame",
    "FlowRefinement",
    "FlowTrust",
    "FrameReliability",
    "Neighbour",
    "RefinedFrame",
    "TemporalParsingRefiner",
    "VoteBalance",
    "fuse",
    "integrate",
    "logits_from_labels",
    "matching_errors",
    "predicted_labels",
    "propagate",
    "unreliable_vectors",
]
