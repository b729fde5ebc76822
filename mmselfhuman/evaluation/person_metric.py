"""What OCHuman's and COCOPersons' metrics share: collecting predictions, joining them with ground truth, the table."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from logging import WARNING
from typing import Any

import numpy as np
from mmengine import fileio
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmselfhuman.evaluation.coco_eval import BACKENDS, IOU_TYPES, CocoScores, evaluate_coco
from mmselfhuman.evaluation.ground_truth import GroundTruth, TruthSet
from mmselfhuman.evaluation.image_names import ImageNames
from mmselfhuman.evaluation.predictions import PredictionReader
from mmselfhuman.evaluation.table import number, text_table


@dataclass(frozen=True)
class Column:
    """One number of the table.

    Attributes:
        truth: Name of the ground truth that it is measured against.
        measure: Takes that evaluation's scores.
        note: What the name alone could be taken wrongly for; stands beside it in the heading.
    """

    truth: str
    measure: Callable[[CocoScores], float]
    note: str = ""


@dataclass(frozen=True)
class Report:
    """The outcome of an evaluation.

    Attributes:
        values: Metric names (``segm_AP``, ...) and values in [0, 1]; NaN where there is nobody to find.
        text: The table, under a line that names the protocol.
        warnings: What the reader of the table should know: predictions left out, images without predictions.
    """

    values: dict[str, float]
    text: str
    warnings: tuple[str, ...]


class PersonMetric(BaseMetric):
    """Average precision of persons against COCO-style ground truth, joined by file name.

    Args:
        metric: 'segm', 'keypoints', 'bbox', or a list of them.
        coco_backend: 'pycocotools' or 'numpy', which is several times as fast; the numbers are the same.
        given_keypoints: The masks were computed from *annotated* poses. The results are then named
            ``segm_given_keypoints_*``, lest they be mistaken for masks from detected poses.
        person_label: The label of persons in predictions that have labels.
        score_mode: See :class:`~mmselfhuman.evaluation.predictions.PredictionReader`.
        keypoint_score_thr: See :class:`~mmselfhuman.evaluation.predictions.PredictionReader`.
        outfile_prefix: Write COCO results to ``<outfile_prefix>.<metric>.json``. They carry ``file_name`` beside
            ``image_id``, since ids differ between OCHuman's files.
        format_only: Write the results and evaluate nothing; no ground truth is needed then.
        backend_args: Of MMEngine's file backends, for reading ground truth.
        collect_device: See :class:`mmengine.evaluator.BaseMetric`.
        prefix: See :class:`mmengine.evaluator.BaseMetric`.
        collect_dir: See :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ValueError: An argument is not one of those named above, or they contradict each other.
    """

    areas: tuple[str, ...] = ("all",)
    columns: Mapping[str, Column]

    def __init__(
        self,
        metric: str | Sequence[str] = "segm",
        coco_backend: str = "pycocotools",
        given_keypoints: bool = False,
        person_label: int = 0,
        score_mode: str = "bbox_keypoint",
        keypoint_score_thr: float = 0.2,
        outfile_prefix: str | None = None,
        format_only: bool = False,
        backend_args: dict | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.metrics = (metric,) if isinstance(metric, str) else tuple(metric)
        for name in self.metrics:
            if name not in IOU_TYPES:
                raise ValueError(f"metric must be one or more of {IOU_TYPES}, got {name!r}")
        if coco_backend not in BACKENDS:
            raise ValueError(f"coco_backend must be one of {BACKENDS}, got {coco_backend!r}")
        if given_keypoints and "keypoints" in self.metrics:
            raise ValueError(
                "given_keypoints=True: annotated poses cannot be evaluated; leave 'keypoints' out of metric"
            )
        if format_only and outfile_prefix is None:
            raise ValueError("format_only=True only writes results, but outfile_prefix does not say where")
        self.coco_backend = coco_backend
        self.given_keypoints = given_keypoints
        self.outfile_prefix = outfile_prefix
        self.format_only = format_only
        self.backend_args = backend_args
        self._reader = PredictionReader(self.metrics, person_label, score_mode, keypoint_score_thr)

    @abstractmethod
    def load_ground_truth(self) -> GroundTruth:
        """Read the ground truth."""

    @abstractmethod
    def protocol(self) -> str:
        """One line that says by which rules the numbers come about."""

    @cached_property
    def ground_truth(self) -> GroundTruth:
        """The ground truth, read when first needed."""
        return self.load_ground_truth()

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Take in a batch of mmdet's or mmpose's data samples (as dictionaries)."""
        self.results.extend(self._reader.read(sample) for sample in data_samples)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Write and evaluate what :meth:`process` has collected; the table goes to the log."""
        samples = _without_repetitions(results)
        found = {metric: _coco_results(samples, metric) for metric in self.metrics}
        if self.outfile_prefix is not None:
            for metric, coco_results in found.items():
                fileio.dump(coco_results, f"{self.outfile_prefix}.{metric}.json")
        if self.format_only:
            return {}
        report = self.score(found, {sample["file_name"] for sample in samples})
        print_log("\n" + report.text, logger="current")
        for warning in report.warnings:
            print_log(warning, logger="current", level=WARNING)
        return report.values

    def score(self, results: Mapping[str, Sequence[dict]], predicted: Collection[str] | None = None) -> Report:
        """Evaluate COCO results that carry ``file_name``.

        Args:
            results: For each metric its COCO results of persons. ``image_id`` and ``category_id`` are not looked at.
            predicted: File names of all images that the model has seen; ``None`` if that is not known, so that an image
                without a result counts as seen.

        Raises:
            ValueError: No prediction belongs to the ground truth, or one is malformed.
        """
        truth = self.ground_truth
        paths = {result["file_name"] for found in results.values() for result in found} | set(predicted or ())
        names = ImageNames(truth.file_names)
        known = {path: name for path in sorted(paths) if (name := names.find(path)) is not None}
        _check_distinct(known)
        if paths and not known:
            raise ValueError(
                f"none of the {len(paths)} predicted images (such as {min(paths)!r}) is in the ground truth "
                f"(which has {_some(truth.file_names)})"
            )
        values, rows = {}, [["metric", "category", *self._headings()]]
        for metric, found in results.items():
            numbers = self._measure(metric, [(known[r["file_name"]], r) for r in found if r["file_name"] in known])
            label = f"{metric}_given_keypoints" if self.given_keypoints else metric
            values |= {f"{label}_{column}": value for column, value in numbers.items()}
            rows.append([label, "person", *map(number, numbers.values())])
        poses = "GT keypoints (not comparable with detected poses)" if self.given_keypoints else "detected poses"
        lines = [f"{self.protocol()} | {poses} | {self.coco_backend}", *self._describe_truth(), text_table(rows)]
        return Report(values, "\n".join(lines), tuple(self._warnings(results, predicted, known)))

    def _measure(self, metric: str, found: list[tuple[str, dict]]) -> dict[str, float]:
        scores = {name: self._evaluate(metric, truth, found) for name, truth in self.ground_truth.sets.items()}
        return {
            name: column.measure(scores[column.truth]) if column.truth in scores else float("nan")
            for name, column in self.columns.items()
        }

    def _evaluate(self, metric: str, truth: TruthSet, found: list[tuple[str, dict]]) -> CocoScores:
        ids = {image["file_name"]: image["id"] for image in truth.images}
        detections = [
            {**result, "image_id": ids[file_name], "category_id": 1} for file_name, result in found if file_name in ids
        ]
        return evaluate_coco(
            truth.coco, detections, metric, backend=self.coco_backend, ignored=truth.ignored, areas=self.areas
        )

    def _headings(self) -> list[str]:
        return [f"{name} ({column.note})" if column.note else name for name, column in self.columns.items()]

    def _describe_truth(self) -> list[str]:
        return [
            f"{name}: {_count(truth.num_persons, 'person')} in {_count(len(truth.images), 'image')} of {truth.origin}"
            for name, truth in self.ground_truth.sets.items()
        ]

    def _warnings(
        self, results: Mapping[str, Sequence[dict]], predicted: Collection[str] | None, known: Mapping[str, str]
    ) -> list[str]:
        warnings = []
        evaluated = {image["file_name"] for truth in self.ground_truth.sets.values() for image in truth.images}
        for metric, found in results.items():
            strangers = [result["file_name"] for result in found if result["file_name"] not in known]
            if strangers:
                warnings.append(
                    f"{metric}: {len(strangers)} predictions were left out, since the ground truth lacks their "
                    f"{len(set(strangers))} images: {_some(strangers)}"
                )
            if len(strangers) == len(found):
                warnings.append(
                    f"{metric}: there are no predictions; average precision is 0 where there is anybody to find"
                )
        seen = set(known.values())
        unseen = evaluated - seen
        if unseen and predicted is not None:
            warnings.append(
                f"{len(unseen)} of {len(evaluated)} images were never given to the model; their persons count as "
                f"missed: {_some(unseen)}"
            )
        for name, truth in self.ground_truth.sets.items():
            if truth.num_persons == 0:
                warnings.append(
                    f"nobody is to be found in '{name}' of {truth.origin}; its numbers are NaN, shown as '-'"
                )
        return warnings


def _without_repetitions(samples: Sequence[dict]) -> list[dict]:
    """Samples without those that came twice, as distributed samplers may arrange to make ranks equally long.

    Raises:
        ValueError: An image came twice with different predictions.
    """
    first: dict[tuple, dict] = {}
    for sample in samples:
        earlier = first.setdefault((sample["file_name"], sample["sample_id"]), sample)
        if earlier is not sample and not _agree(earlier, sample):
            raise ValueError(
                f"image {sample['file_name']!r} came twice, with different predictions: either two images share a "
                "path, or the samples are single persons and lack an 'id'"
            )
    return list(first.values())


def _agree(first: dict, second: dict) -> bool:
    """Whether two samples predict the same, up to what the order of a GPU's sums may change."""
    for metric, found in first["results"].items():
        scores = [[result["score"] for result in results] for results in (found, second["results"][metric])]
        if len(scores[0]) != len(scores[1]) or not np.allclose(*scores, rtol=0, atol=1e-3):
            return False
    return True


def _check_distinct(known: Mapping[str, str]) -> None:
    paths: dict[str, str] = {}
    for path, name in known.items():
        earlier = paths.setdefault(name, path)
        if earlier != path:
            raise ValueError(f"predictions on {earlier!r} and on {path!r} are both about {name!r} of the ground truth")


def _coco_results(samples: Sequence[dict], metric: str) -> list[dict]:
    return [
        {"image_id": sample["image_id"], "file_name": sample["file_name"], "category_id": 1, **result}
        for sample in samples
        for result in sample["results"][metric]
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _some(names: Collection[str], limit: int = 5) -> str:
    chosen = sorted(set(names))
    return ", ".join(map(repr, chosen[:limit])) + (", ..." if len(chosen) > limit else "")
