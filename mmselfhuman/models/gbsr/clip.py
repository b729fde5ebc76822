"""The persons of a clip as arrays, and what is said about every joint on the way through the refiner."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from mmselfhuman.models.gbsr.association import Track
from mmselfhuman.models.gbsr.graph import head_sizes
from mmselfhuman.structures import NUM_JOINTS


class JointAction(IntEnum):
    """What the refiner did to a joint."""

    ABSENT = 0
    KEPT = 1
    MOVED = 2
    SWAPPED = 3
    RECOVERED = 4


@dataclass(frozen=True, eq=False)
class RefinedPerson:
    """One person of one frame after refinement.

    Attributes:
        keypoints: ``(17, 3)`` float64 of ``(x, y, score)`` in pixels; the joints whose action is ``ABSENT`` are as they
            came in.
        track_id: The same for the same person in all frames of the clip.
        source: Index of the person among the frame's input poses; ``None`` if the whole person was recovered.
        actions: ``(17,)`` int64 of :class:`JointAction`.
        reasons: Why, for each joint, in words.
        visibility: ``(17,)`` in [0, 1], the visibility scores of the last matching: how much of the joint found its
            namesake in the neighbouring frames.
    """

    keypoints: np.ndarray
    track_id: int
    source: int | None
    actions: np.ndarray
    reasons: tuple[str, ...]
    visibility: np.ndarray


class TrackedPoses:
    """The poses of K persons in T frames and the record of what was done to them; the refiner's steps change both.

    Args:
        poses: For every frame ``(P, 17, 3)``.
        tracks: Who is who.
        min_score: Joints with a lower score are taken for missing.

    Attributes:
        points: ``(K, T, 17, 2)`` float64; where a joint is missing, 0.
        scores: ``(K, T, 17)`` float64, 0 = missing.
        seen: ``(K, T)`` bool, whether the person was detected in the frame.
        source: ``(K, T)`` int, its index in the frame's poses; -1 where it was not.
        heads: ``(K, T)`` |neck - nose| in pixels, the median over each track's neighbouring frames: single joints err.
        actions: ``(K, T, 17)`` int64.
        reasons: ``(K, T, 17)`` of str.
    """

    def __init__(self, poses: Sequence[np.ndarray], tracks: Sequence[Track], min_score: float) -> None:
        shape = (len(tracks), len(poses))
        self.points = np.zeros((*shape, NUM_JOINTS, 2))
        self.scores = np.zeros((*shape, NUM_JOINTS))
        self.source = np.full(shape, -1)
        for k, track in enumerate(tracks):
            for frame, person in track.persons.items():
                pose = poses[frame][person]
                present = (pose[:, 2] > 0) & (pose[:, 2] >= min_score)
                self.points[k, frame][present] = pose[present, :2]
                self.scores[k, frame][present] = pose[present, 2]
                self.source[k, frame] = person
        self.seen = self.source >= 0
        self.actions = np.where(self.present, JointAction.KEPT, JointAction.ABSENT)
        self.reasons = np.full(self.scores.shape, "not detected, and found in no neighbouring frame", dtype=object)
        self.reasons[self.present] = "agrees with the neighbouring frames, or nothing speaks against it"
        self.heads = self._heads()

    @property
    def present(self) -> np.ndarray:
        """``(K, T, 17)`` bool."""
        return self.scores > 0

    @property
    def graphs(self) -> np.ndarray:
        """``(K, T, 17, 3)``, the poses as they stand."""
        return np.concatenate([self.points, self.scores[..., None]], axis=-1)

    def record(self, where: np.ndarray | tuple, action: JointAction, reason: str) -> None:
        """Note what was done to the joints at ``where``, an index of the ``(K, T, 17)`` arrays."""
        self.actions[where] = action
        self.reasons[where] = reason

    def _heads(self) -> np.ndarray:
        single = np.where(self.seen, head_sizes(self.graphs), np.nan)
        smooth = np.full(single.shape, np.nan)
        for t in range(single.shape[1]):
            near = single[:, max(t - 2, 0) : t + 3]
            some = np.isfinite(near).any(1)
            smooth[some, t] = np.nanmedian(near[some], axis=1)
        for row in smooth:
            known = np.isfinite(row)
            if known.any():
                row[~known] = np.interp(np.flatnonzero(~known), np.flatnonzero(known), row[known])
        return smooth
