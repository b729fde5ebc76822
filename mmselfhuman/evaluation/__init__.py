from mmselfhuman.evaluation.coco_eval import CocoScores, evaluate_coco
from mmselfhuman.evaluation.cocopersons_metric import COCOPersonsMetric
from mmselfhuman.evaluation.ochuman_metric import OCHumanMetric

__all__ = ["COCOPersonsMetric", "CocoScores", "OCHumanMetric", "evaluate_coco"]
