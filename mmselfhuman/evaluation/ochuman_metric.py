"""OCHuman's average precision, in three ranges of occlusion."""

import os.path as osp
import re
from collections.abc import Mapping
from typing import Any

from mmselfhuman.datasets.converters import range_file_name
from mmselfhuman.evaluation.coco_eval import CocoScores
from mmselfhuman.evaluation.ground_truth import (
    MAX_IOU_RANGES,
    RANGE_MODES,
    GroundTruth,
    TruthSet,
    by_max_iou,
    ignoring_others,
    is_pose2seg_person,
    only_fully_labelled,
    read_image_list,
    read_truth,
    truth_of_source,
)
from mmselfhuman.evaluation.person_metric import Column, PersonMetric
from mmselfhuman.registry import METRICS
from mmselfhuman.structures import PersonSource

SPLITS = ("val", "test")


@METRICS.register_module()
class OCHumanMetric(PersonMetric):
    """AP on OCHuman: over everybody, over the moderately (AP_M) and over the heavily (AP_H) occluded.

    AP_M and AP_H are ranges of **MaxIoU**, not COCO's areas: they are evaluations of their own, over the persons with
    0.5 <= MaxIoU < 0.75 and 0.75 <= MaxIoU < 1. AP, AP50, AP75 and AR are over 0 <= MaxIoU < 1.

    Args:
        ann_file: Where the ground truth is, one of:

            * ``dict(all=..., moderate=..., hard=...)``: the official range files. Ranges may be left out; their numbers
              are then NaN, shown as '-';
            * a folder that holds the three files under their official names; ``split`` says which;
            * one COCO-format file whose annotations carry ``max_iou``.
        source: Instead, a source of labelled persons with MaxIoU or the config of one, such as
            ``dict(type='SyntheticPeople', split='target_test')``.
        split: 'val' or 'test'; needed for a folder, otherwise only a name for the table.
        range_mode: What happens to persons out of range. 'drop' (official): they and images left empty are removed, so
            that a detection of them in another image is a false positive. 'ignore': they stay and do not count, in the
            same images.
        fully_labelled: Evaluate only the images in which every person box has a mask: those that say so
            (``fully_labelled`` in the ground truth), or that are in the file that ``ochuman2coco.py`` writes beside the
            others (``True``), or in the file named here (COCO format, or text with one file name a line).
        filter_persons: Leave out persons without labelled joints or without a mask, and crowds, as the official files
            do.
        variant: A name for the table, if the ground truth is a variant of OCHuman (such as 'OCHuman-Pose').
        **kwargs: See :class:`~mmselfhuman.evaluation.person_metric.PersonMetric`.

    Raises:
        ValueError: Arguments contradict each other, or the ground truth lacks ``max_iou`` or ``fully_labelled`` where
            it is needed.
        FileNotFoundError: A file of the ground truth is missing.

    References:
        Zhang et al., "Pose2Seg: Detection Free Human Instance Segmentation", CVPR 2019 (data set and protocol).
        Ly et al., "Occlusion Copy & Paste", BMVC 2022 (the fully labelled images).
    """

    default_prefix = "ochuman"
    columns: Mapping[str, Column] = {
        "AP": Column("all", CocoScores.ap),
        "AP50": Column("all", lambda scores: scores.ap(0.5)),
        "AP75": Column("all", lambda scores: scores.ap(0.75)),
        "AP_M": Column("moderate", CocoScores.ap, "MaxIoU .50-.75"),
        "AP_H": Column("hard", CocoScores.ap, "MaxIoU .75-1"),
        "AR": Column("all", CocoScores.ar),
    }

    def __init__(
        self,
        ann_file: str | Mapping[str, str] | None = None,
        source: Mapping | PersonSource | None = None,
        split: str | None = None,
        range_mode: str = "drop",
        fully_labelled: bool | str = False,
        filter_persons: bool = True,
        variant: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if range_mode not in RANGE_MODES:
            raise ValueError(f"range_mode must be one of {RANGE_MODES}, got {range_mode!r}")
        if not self.format_only and (ann_file is None) == (source is None):
            raise ValueError("OCHumanMetric needs ground truth: either ann_file or source")
        self.source = source
        self.range_mode = range_mode
        self.fully_labelled = fully_labelled
        self.filter_persons = filter_persons
        self.variant = variant
        self.ann_file = ann_file if self.format_only else _resolve(ann_file, split)
        named = source.get("split") if isinstance(source, Mapping) else _split_named_by(self.ann_file)
        self.split = split or named
        if not self.format_only and source is None:
            # A broken file is better noticed before the model runs than after.
            self.ground_truth = self.load_ground_truth()

    def load_ground_truth(self) -> GroundTruth:
        """Read the ground truth and divide it into the ranges."""
        if isinstance(self.ann_file, Mapping):
            files = {name: self._read(path) for name, path in self.ann_file.items()}
            listed = [image for truth in files.values() for image in truth.images]
            sets = {name: self._restricted(truth) for name, truth in files.items()}
            if self.range_mode == "ignore":
                sets = ignoring_others(sets)
        else:
            whole = self._read(self.ann_file) if self.source is None else truth_of_source(self.source)
            listed = whole.images
            sets = by_max_iou(self._restricted(whole), self.range_mode)
        if self.fully_labelled and listed and not any(truth.images for truth in sets.values()):
            raise ValueError(f"none of the {len(listed)} images of {self.ann_file or self.source} is fully labelled")
        return GroundTruth(sets, tuple(dict.fromkeys(image["file_name"] for image in listed)))

    def protocol(self) -> str:
        """The protocol's variant, as it stands above the table."""
        mode = "drop (official)" if self.range_mode == "drop" else "ignore (not official)"
        variant = [self.variant or "original"]
        if self.fully_labelled or "_fully_labelled" in str(self.ann_file):
            variant.append("fully labelled images only")
        if not self.filter_persons:
            variant.append("persons as they are in the file")
        split = self.split or "not named"
        return f"OCHuman protocol | split {split} | variant {', '.join(variant)} | range_mode {mode}"

    def _read(self, path: str) -> TruthSet:
        return read_truth(path, self.backend_args, with_keypoints="keypoints" in self.metrics)

    def _restricted(self, truth: TruthSet) -> TruthSet:
        if self.filter_persons:
            truth = truth.only(is_pose2seg_person)
        if not self.fully_labelled:
            return truth
        return only_fully_labelled(truth, self._listed_as_fully_labelled(truth))

    def _listed_as_fully_labelled(self, truth: TruthSet) -> list[str] | None:
        if isinstance(self.fully_labelled, str):
            return read_image_list(self.fully_labelled, self.backend_args)
        if all("fully_labelled" in image for image in truth.images):
            return None
        beside = osp.join(osp.dirname(truth.origin), f"ochuman_coco_format_{self.split}_fully_labelled.json")
        return read_image_list(beside, self.backend_args) if osp.isfile(beside) else None


def _resolve(ann_file: str | Mapping[str, str] | None, split: str | None) -> str | dict[str, str] | None:
    """Turn a folder into its range files, and check the names of the ranges."""
    if isinstance(ann_file, Mapping):
        unknown = set(ann_file) - set(MAX_IOU_RANGES)
        if unknown or not ann_file:
            raise ValueError(f"ann_file names the ranges {sorted(ann_file)}; expected some of {list(MAX_IOU_RANGES)}")
        return dict(ann_file)
    if ann_file is None or not osp.isdir(ann_file):
        return ann_file
    if split not in SPLITS:
        raise ValueError(f"ann_file {ann_file!r} is a folder; split must be one of {SPLITS}, got {split!r}")
    return {name: osp.join(ann_file, range_file_name(split, limits)) for name, limits in MAX_IOU_RANGES.items()}


def _split_named_by(ann_file: str | Mapping[str, str] | None) -> str | None:
    paths = [ann_file] if isinstance(ann_file, str) else list((ann_file or {}).values())
    found = {match[1] for path in paths if (match := re.search(r"ochuman_coco_format_(val|test)_", osp.basename(path)))}
    return found.pop() if len(found) == 1 else None
