"""Optical flow: estimators behind one interface, and what one does with flow."""

from mmselfhuman.models.flow.dis import DISFlow
from mmselfhuman.models.flow.interface import FlowEstimator
from mmselfhuman.models.flow.mmflow_estimator import MMFlowEstimator
from mmselfhuman.models.flow.ops import (
    compose,
    consistency_error,
    fetch_labels,
    inside,
    mask_consistency,
    occlusion,
    photometric_error,
    resize_flow,
    warp,
)
from mmselfhuman.models.flow.ptlflow_estimator import PTLFlowEstimator
from mmselfhuman.models.flow.raft import RAFTFlow

__all__ = [
    "DISFlow",
    "FlowEstimator",
    "MMFlowEstimator",
    "PTLFlowEstimator",
    "RAFTFlow",
    "compose",
    "consistency_error",
    "fetch_labels",
    "inside",
    "mask_consistency",
    "occlusion",
    "photometric_error",
    "resize_flow",
    "warp",
]
