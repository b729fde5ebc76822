"""J, F and temporal stability collected over the frames of several videos."""

from dataclasses import dataclass, field
from math import isnan
from statistics import fmean

import numpy as np

from mmselfhuman.evaluation.video_masks import (
    boundary_accuracy,
    boundary_radius,
    box_around,
    region_similarity,
    temporal_stability,
)

SCORES = ("J", "F", "J&F", "stability")


@dataclass
class _SequenceScores:
    region: list[float] = field(default_factory=list)
    boundary: list[float] = field(default_factory=list)
    stability: list[float] = field(default_factory=list)


class VideoMaskScores:
    """Scores are averaged over the frames of a video, then over videos: long ones do not count for more.

    Example:
        >>> scores = VideoMaskScores()
        >>> scores.add("walk", np.array([[1, 1, 0]]), np.array([[1, 0, 0]]))
        >>> scores.mean()["J"]
        0.5
    """

    def __init__(self, margin: float | None = None, tolerance: float = 0.008) -> None:
        """Choose what is scored.

        Args:
            margin: Score only what is inside the true mask's box, widened by this fraction of its sides: for videos in
                which only one of several persons is annotated. The whole frame if ``None``, and where the true mask is
                empty. The boundary tolerance stays that of the whole frame.
            tolerance: See :func:`~mmselfhuman.evaluation.video_masks.boundary_accuracy`.
        """
        self.margin = margin
        self.tolerance = tolerance
        self._sequences: dict[str, _SequenceScores] = {}

    def add(self, sequence: str, predicted: np.ndarray, truth: np.ndarray) -> None:
        """Score a frame of a video.

        Args:
            sequence: The name of the video.
            predicted, truth: ``(H, W)``, true inside.

        Raises:
            ValueError: The masks are not of one size.
        """
        if np.shape(predicted) != np.shape(truth):
            raise ValueError(f"{sequence}: mask of shape {np.shape(predicted)}, but the true one is {np.shape(truth)}")
        radius = boundary_radius(np.shape(truth), self.tolerance)
        box = None if self.margin is None else box_around(truth, self.margin)
        if box is not None:
            x, y, w, h = box
            predicted, truth = (np.asarray(mask)[y : y + h, x : x + w] for mask in (predicted, truth))
        scores = self._of(sequence)
        scores.region.append(region_similarity(predicted, truth))
        scores.boundary.append(boundary_accuracy(predicted, truth, radius))

    def add_pair(
        self,
        sequence: str,
        mask: np.ndarray,
        next_mask: np.ndarray,
        flow: np.ndarray,
        occluded: np.ndarray | None = None,
    ) -> None:
        """Score the stability of the masks of two consecutive frames.

        The arguments are those of :func:`~mmselfhuman.evaluation.video_masks.temporal_stability`, which needs no truth;
        a margin does not apply.
        """
        self._of(sequence).stability.append(temporal_stability(mask, next_mask, flow, occluded))

    def per_sequence(self) -> dict[str, dict[str, float]]:
        """Scores of every video, in the order in which they came.

        Returns:
            For each: ``'J'``, ``'F'``, ``'J&F'`` (the mean of both) and ``'stability'`` as fractions; NaN for what was
            not measured.
        """
        return {name: _row(scores) for name, scores in self._sequences.items()}

    def mean(self) -> dict[str, float]:
        """The mean of each score over the videos in which it was measured."""
        rows = list(self.per_sequence().values())
        return {key: _mean([row[key] for row in rows if not isnan(row[key])]) for key in SCORES}

    def _of(self, sequence: str) -> _SequenceScores:
        return self._sequences.setdefault(sequence, _SequenceScores())


def _row(scores: _SequenceScores) -> dict[str, float]:
    region, boundary = _mean(scores.region), _mean(scores.boundary)
    return {"J": region, "F": boundary, "J&F": (region + boundary) / 2, "stability": _mean(scores.stability)}


def _mean(values: list[float]) -> float:
    return fmean(values) if values else float("nan")
