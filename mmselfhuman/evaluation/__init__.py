from mmselfhuman.evaluation.class_iou import ClassIoUMetric
from mmselfhuman.evaluation.coco_eval import CocoScores, evaluate_coco
from mmselfhuman.evaluation.cocopersons_metric import COCOPersonsMetric
from mmselfhuman.evaluation.ochuman_metric import OCHumanMetric
from mmselfhuman.evaluation.video_flow import mean_end_point_error
from mmselfhuman.evaluation.video_mask_metric import VideoMaskMetric
from mmselfhuman.evaluation.video_masks import boundary_accuracy, region_similarity, temporal_stability
from mmselfhuman.evaluation.video_scores import VideoMaskScores

__all__ = [
    "COCOPersonsMetric",
    "ClassIoUMetric",
    "CocoScores",
    "OCHumanMetric",
    "VideoMaskMetric",
    "VideoMaskScores",
    "boundary_accuracy",
    "evaluate_coco",
    "mean_end_point_error",
    "region_similarity",
    "temporal_stability",
]
