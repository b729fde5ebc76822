"""COCOPersons' average precision."""

from collections.abc import Mapping
from typing import Any

from mmselfhuman.evaluation.coco_eval import CocoScores
from mmselfhuman.evaluation.ground_truth import GroundTruth, is_pose2seg_person, read_truth, truth_of_source
from mmselfhuman.evaluation.person_metric import Column, PersonMetric
from mmselfhuman.registry import METRICS
from mmselfhuman.structures import PersonSource


@METRICS.register_module()
class COCOPersonsMetric(PersonMetric):
    """AP on COCO's persons with both keypoints and a mask: overall, and over medium (AP_M) and large (AP_L) ones.

    AP_M and AP_L are COCO's ranges of the annotated ``area``: 32^2 to 96^2 square pixels, and above.

    Args:
        ann_file: A COCO-format file: COCO's ``person_keypoints_val2017.json`` or its Pose2Seg form.
        source: Instead, a source of labelled persons or the config of one.
        filter_persons: Pose2Seg's rule: drop persons without labelled joints or without a mask, and crowds, and the
            images left empty. They are dropped, not ignored: finding them is a mistake. ``False`` takes the file as it
            is.
        **kwargs: See :class:`~mmselfhuman.evaluation.person_metric.PersonMetric`.

    Raises:
        ValueError: Not exactly one of ``ann_file`` and ``source`` is given.
        FileNotFoundError: The file is missing.
    """

    default_prefix = "cocopersons"
    areas = ("all", "medium", "large")
    columns: Mapping[str, Column] = {
        "AP": Column("all", CocoScores.ap),
        "AP50": Column("all", lambda scores: scores.ap(0.5)),
        "AP75": Column("all", lambda scores: scores.ap(0.75)),
        "AP_M": Column("all", lambda scores: scores.ap(area="medium"), "area 32^2-96^2"),
        "AP_L": Column("all", lambda scores: scores.ap(area="large"), "area > 96^2"),
        "AR": Column("all", CocoScores.ar),
    }

    def __init__(
        self,
        ann_file: str | None = None,
        source: Mapping | PersonSource | None = None,
        filter_persons: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not self.format_only and (ann_file is None) == (source is None):
            raise ValueError("COCOPersonsMetric needs ground truth: either ann_file or source")
        self.ann_file = ann_file
        self.source = source
        self.filter_persons = filter_persons
        if not self.format_only and source is None:
            # A broken file is better noticed before the model runs than after.
            self.ground_truth = self.load_ground_truth()

    def load_ground_truth(self) -> GroundTruth:
        """Read the ground truth and apply Pose2Seg's rule."""
        if self.source is None:
            whole = read_truth(self.ann_file, self.backend_args, with_keypoints="keypoints" in self.metrics)
        else:
            whole = truth_of_source(self.source)
        kept = whole.only(is_pose2seg_person) if self.filter_persons else whole
        return GroundTruth({"all": kept}, tuple(image["file_name"] for image in whole.images))

    def protocol(self) -> str:
        """The protocol's variant, as it stands above the table."""
        rule = "persons with keypoints and a mask (Pose2Seg)" if self.filter_persons else "the file as it is"
        return f"COCOPersons | {rule}"
