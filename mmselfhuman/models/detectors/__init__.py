from mmselfhuman.models.detectors.duplicates import distinct_masks, distinct_poses
from mmselfhuman.models.detectors.persons import FramePersons, FramePoses
from mmselfhuman.models.detectors.scores import MaskScore, fit_mask_score, matched_ious
from mmselfhuman.models.detectors.stopwatch import Stopwatch

__all__ = [
    "FramePersons",
    "FramePoses",
    "MaskScore",
    "Stopwatch",
    "distinct_masks",
    "distinct_poses",
    "fit_mask_score",
    "matched_ious",
]
