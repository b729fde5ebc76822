"""J and F of videos, as a metric of a Runner."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmselfhuman.evaluation.table import text_table
from mmselfhuman.evaluation.video_scores import VideoMaskScores
from mmselfhuman.registry import METRICS


@METRICS.register_module()
class VideoMaskMetric(BaseMetric):
    """Region similarity J and boundary accuracy F, averaged over the frames of a video, then over videos; in percent.

    Beside ``J`` and ``F`` there is ``J_<video>`` for each; the video is the folder that an image lies in. Only the
    foreground is scored: what has class 1 or more.

    Args:
        margin: Score only inside the annotated box, widened by this fraction of its sides, for videos in which not
            everybody is annotated; see :class:`~mmselfhuman.evaluation.VideoMaskScores`.
        ignore_index: Annotated label of pixels that do not count.
        collect_device: See :class:`mmengine.evaluator.BaseMetric`.
        prefix: See :class:`mmengine.evaluator.BaseMetric`.
        collect_dir: See :class:`mmengine.evaluator.BaseMetric`.
    """

    def __init__(
        self,
        margin: float | None = None,
        ignore_index: int = 255,
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.margin = margin
        self.ignore_index = ignore_index

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Take in a batch of mmseg's data samples (as dictionaries)."""
        for sample in data_samples:
            truth, predicted = (
                sample[name]["data"].squeeze(0).cpu().numpy() for name in ("gt_sem_seg", "pred_sem_seg")
            )
            counted, video = truth != self.ignore_index, Path(sample["img_path"]).parent.name
            scores = VideoMaskScores(margin=self.margin)
            scores.add(video, (predicted > 0) & counted, (truth > 0) & counted)
            self.results.append((video, scores.mean()["J"], scores.mean()["F"]))

    def compute_metrics(self, results: list[tuple[str, float, float]]) -> dict[str, float]:
        """Means, and J by video; a table goes to the log."""
        videos = dict.fromkeys(video for video, _, _ in results)
        rows = {name: [fmean(values) for values in _of(results, name)] for name in videos}
        rows["mean"] = [fmean(values) for values in zip(*rows.values(), strict=True)]
        cells = [[name, *(f"{100 * value:.2f}" for value in row)] for name, row in rows.items()]
        print_log("\n" + text_table([["video", "J", "F"], *cells]), logger="current")
        region, boundary = rows.pop("mean")
        named = {"J": region, "F": boundary, **{f"J_{name}": row[0] for name, row in rows.items()}}
        return {name: round(100 * value, 2) for name, value in named.items()}


def _of(results: Sequence[tuple[str, float, float]], video: str) -> tuple[list[float], list[float]]:
    return [j for name, j, _ in results if name == video], [f for name, _, f in results if name == video]
