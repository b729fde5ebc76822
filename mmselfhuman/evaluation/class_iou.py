"""IoU of each class of a semantic segmentation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmselfhuman.evaluation.table import text_table
from mmselfhuman.registry import METRICS


@METRICS.register_module()
class ClassIoUMetric(BaseMetric):
    """IoU by class over all pixels of a data set, in percent.

    MMSegmentation's ``IoUMetric`` returns the means and only prints the classes; here ``IoU_<class>`` stands beside
    ``mIoU``, ``mAcc`` and ``aAcc``, which are the same as there. A class that is neither annotated nor predicted
    anywhere is NaN and does not count in the means.

    Args:
        ignore_index: Annotated label of pixels that do not count.
        collect_device: See :class:`mmengine.evaluator.BaseMetric`.
        prefix: See :class:`mmengine.evaluator.BaseMetric`.
        collect_dir: See :class:`mmengine.evaluator.BaseMetric`.
    """

    def __init__(
        self,
        ignore_index: int = 255,
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.ignore_index = ignore_index

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Take in a batch of mmseg's data samples (as dictionaries)."""
        num_classes = len(self.dataset_meta["classes"])
        for sample in data_samples:
            truth = sample["gt_sem_seg"]["data"].cpu().numpy().ravel()
            predicted = sample["pred_sem_seg"]["data"].cpu().numpy().ravel()
            if truth.size != predicted.size:
                raise ValueError(
                    f"{sample.get('img_path')}: {predicted.size} pixels predicted, but {truth.size} annotated"
                )
            counted = truth != self.ignore_index
            self.results.append(confusion(truth[counted], predicted[counted], num_classes))

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Means and per-class values; a table goes to the log."""
        classes = self.dataset_meta["classes"]
        total = np.sum(results, axis=0)
        hits, annotated, predicted = total.diagonal(), total.sum(axis=1), total.sum(axis=0)
        with np.errstate(invalid="ignore"):
            iou = 100 * hits / (annotated + predicted - hits)
            accuracy = 100 * hits / annotated
        numbers = zip(classes, iou, accuracy, strict=True)
        rows = [["class", "IoU", "Acc"], *([name, f"{i:.2f}", f"{a:.2f}"] for name, i, a in numbers)]
        print_log("\n" + text_table(rows), logger="current")
        values = {
            "aAcc": 100 * hits.sum() / max(total.sum(), 1),
            "mIoU": _mean(iou),
            "mAcc": _mean(accuracy),
            **{f"IoU_{name}": value for name, value in zip(classes, iou, strict=True)},
        }
        return {name: round(float(value), 2) for name, value in values.items()}


def confusion(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Count how often each class is taken for each.

    Args:
        truth: ``(P,)`` integer labels.
        predicted: ``(P,)`` integer labels.
        num_classes: Labels run from 0 to ``num_classes - 1``.

    Returns:
        ``(num_classes, num_classes)`` int64, annotated class by predicted class.

    Raises:
        ValueError: A label is out of range.
    """
    for kind, labels in (("annotated", truth), ("predicted", predicted)):
        if labels.size and not 0 <= labels.min() <= labels.max() < num_classes:
            raise ValueError(
                f"{kind} labels run from {labels.min()} to {labels.max()}, expected 0 to {num_classes - 1}"
            )
    pairs = truth.astype(np.int64) * num_classes + predicted
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def _mean(values: np.ndarray) -> float:
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")
