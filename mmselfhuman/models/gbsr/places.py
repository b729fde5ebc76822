"""Where joints belong: missing ones recovered, strayed ones moved back, jitter taken out."""

import numpy as np

from mmselfhuman.models.gbsr.clip import JointAction, TrackedPoses
from mmselfhuman.models.gbsr.neighbours import Neighbours

NOTICEABLE = 0.5
"""Pixels; smaller moves are not worth reporting."""

LEAST_SAMPLES = 20

LEAST_NOISE = 0.02
"""Head sizes; far finer than human annotators agree with each other, who differ by 0.09 (eyes) to 0.4 (hips)."""

LEAST_SHARE, LARGEST_SPREAD = 0.5, 0.2
"""Differences of joints from their neighbours are noise of the joints if that is at least this share of their standard
deviation (0.82 if there is nothing else), and if this is below so many head sizes: else the motion is not known."""


HEARSAY = 0.5
"""A recovered joint counts half of what its witnesses do: no detection of its own supports it."""


def consensus(poses: TrackedPoses, neighbours: Neighbours) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One place for every joint out of what its neighbours say, robust against one that errs.

    Beside the carried joints, the straight line between the two nearest neighbours counts (at half weight): where a
    joint is hidden the flow is the occluder's, but the line goes on. The candidate that most of the others support is
    taken, and averaged with those near it.

    Args:
        poses: As they stand.
        neighbours: Of these poses.

    Returns:
        ``(K, T, 17, 2)`` places, ``(K, T, 17)`` weights (the mean weight of the supporters; 0 where no neighbour has
        the joint), and ``(D, K, T, 17)`` bool, which of the neighbours support the place.
    """
    line, line_weights = _straight_line(poses)
    points = np.concatenate([neighbours.points, line[None]])
    weights = np.concatenate([neighbours.weights, 0.5 * line_weights[None]])
    squared = ((points[:, None] - points[None]) ** 2).sum(-1)
    near = np.exp(-8 * squared / (poses.heads[..., None] ** 2)) * weights[None] * (weights > 0)[:, None]
    best = near.sum(1).argmax(0)
    supporters = np.take_along_axis(near, best[None, None], axis=0)[0]
    total = supporters.sum(0)
    safe = np.where(total > 0, total, 1.0)
    place = (supporters[..., None] * points).sum(0) / safe[..., None]
    frames = (supporters[:-1] > 0.5 * weights[:-1]) & (weights[:-1] > 0)
    weight = (supporters * weights).sum(0) / safe
    return place, np.where(total > 0, weight, 0.0), frames


def _straight_line(poses: TrackedPoses) -> tuple[np.ndarray, np.ndarray]:
    """Missing joints on the line between the nearest frames before and after that have them, less sure if longer."""
    points, weights = np.zeros_like(poses.points), np.zeros_like(poses.scores)
    for k, m in np.argwhere(poses.present.any(1)):
        known = np.flatnonzero(poses.present[k, :, m])
        missing = np.setdiff1d(np.arange(known[0], known[-1]), known)
        after = np.searchsorted(known, missing)
        start, stop = known[after - 1], known[after]
        for axis in (0, 1):
            points[k, missing, m, axis] = np.interp(missing, known, poses.points[k, known, m, axis])
        weights[k, missing, m] = np.minimum(poses.scores[k, start, m], poses.scores[k, stop, m]) / (stop - start - 1)
    return points, weights


def recover_missing(poses: TrackedPoses, neighbours: Neighbours, inside_track: np.ndarray) -> None:
    """Put a missing joint where the neighbouring frames agree that it is, with half of their weight as its score.

    Args:
        poses: Changed in place.
        neighbours: Of these poses.
        inside_track: ``(K, T)`` bool, the frames in which the person is there, detected or missed.
    """
    place, weight, supporters = consensus(poses, neighbours)
    support = supporters.sum(0)
    found = (weight > 0) & (support > 0) & ~poses.present & inside_track[..., None]
    poses.points[found] = place[found]
    poses.scores[found] = HEARSAY * weight[found]
    poses.record(found & (support > 1), JointAction.RECOVERED, "missing here; neighbouring frames agree on its place")
    poses.record(found & (support == 1), JointAction.RECOVERED, "missing here; carried from one neighbouring frame")


def move_strays(poses: TrackedPoses, neighbours: Neighbours, confident: float, stray: float = 1.0) -> None:
    """Move a joint back that lies far from where at least two neighbouring frames agree that it is.

    Args:
        poses: Changed in place.
        neighbours: Of these poses.
        confident: Joints with this score or a higher one are left alone.
        stray: How far a joint must have strayed, in head sizes.
    """
    place, _, support = consensus(poses, neighbours)
    before = np.array(neighbours.offsets) < 0
    both_sides = support[before].any(0) & support[~before].any(0)
    reach = stray * poses.heads[..., None]
    far = np.linalg.norm(place - poses.points, axis=-1) > reach
    witnessed = (np.linalg.norm(neighbours.points - poses.points, axis=-1) <= reach) & neighbours.there
    found = poses.present & far & both_sides & ~witnessed.any(0) & (poses.scores < confident)
    found &= poses.actions != JointAction.RECOVERED
    poses.points[found] = place[found]
    poses.record(found, JointAction.MOVED, "far from where the neighbouring frames agree that it is")


def reduce_jitter(poses: TrackedPoses, neighbours: Neighbours, confident: float) -> None:
    """Take out of a joint's place what is noise of its own, which shows against the frames before and after alike.

    How much of the difference between a joint and its neighbours is noise of joints, and how much error of the motion,
    is measured over the clip, in two ways of which the smaller counts. Noise is new in every frame, so that successive
    differences lean to opposite sides, while errors of the motion last. And it shows against the frame before and the
    frame after alike, while an error of the motion between two frames shows on one side only. Where joints have no
    noticeable noise, as exact poses have none, or where it drowns in errors of the motion, nothing is moved.

    A joint is moved, in each coordinate, by as much as both sides ask for beyond a quarter of the noise's standard
    deviation, and no farther than a third of one: what the two sides have in common may also be noise of theirs. It is
    not moved at all where they ask for different directions or the difference is too large for noise.

    Args:
        poses: Changed in place.
        neighbours: Of these poses.
        confident: Joints with this score or a higher one are left alone.
    """
    heads = poses.heads[..., None, None]
    displacement = (neighbours.points - poses.points) / heads
    before = np.array(neighbours.offsets) < 0
    weights = neighbours.weights * poses.present
    first, has_first = _weighted_mean(displacement[before], weights[before])
    second, has_second = _weighted_mean(displacement[~before], weights[~before])
    judged = has_first & has_second & (poses.actions == JointAction.KEPT)
    difference = (first + second) / 2
    noise, spread = _noise(first, second, judged)
    if noise < max(LEAST_NOISE, LEAST_SHARE * spread) or spread > LARGEST_SPREAD:
        return
    agreed = np.where(first * second > 0, np.minimum(np.abs(first), np.abs(second)), 0.0)
    move = np.sign(first) * np.maximum(agreed - noise / 4, 0)
    length = np.linalg.norm(move, axis=-1, keepdims=True)
    move *= np.minimum(1, noise / 3 / np.maximum(length, noise / 3))
    judged &= (np.abs(difference) <= 3 * spread).all(-1)
    move *= heads * (judged & (poses.scores < confident))[..., None]
    poses.points += move
    poses.record(
        np.linalg.norm(move, axis=-1) > NOTICEABLE, JointAction.MOVED, "jitter against the frames on both sides"
    )


def _weighted_mean(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of ``(D, ..., 2)`` over ``D`` and whether there was anything to average."""
    total = weights.sum(0)
    safe = np.where(total > 0, total, 1.0)[..., None]
    return (weights[..., None] * values).sum(0) / safe, total > 0


def _noise(first: np.ndarray, second: np.ndarray, judged: np.ndarray) -> tuple[float, float]:
    """Standard deviations of the joints' noise, and of what both sides ask for in the mean, robust against outliers.

    Args:
        first, second: ``(K, T, 17, 2)``, where the frames before and after put the joint, from where it is.
        judged: ``(K, T, 17)`` bool, where both are known.
    """
    difference = (first + second) / 2
    pairs = judged[:, 1:] & judged[:, :-1]
    if pairs.sum() < LEAST_SAMPLES:
        return 0.0, 0.0
    in_time = _common(difference[:, 1:][pairs], -difference[:, :-1][pairs])
    on_both_sides = _common(first[judged], second[judged])
    return min(in_time, on_both_sides) ** 0.5, _deviation(difference[judged])


def _common(first: np.ndarray, second: np.ndarray) -> float:
    """The covariance of two equally spread samples, robust against outliers; 0 if it is negative."""
    return max(_deviation(first + second) ** 2 - _deviation(first - second) ** 2, 0.0) / 4


def _deviation(values: np.ndarray) -> float:
    return 1.4826 * float(np.median(np.abs(values)))
