"""Where joints belong: missing ones recovered, strayed ones moved back, jitter taken out."""

import numpy as np

from mmselfhuman.models.gbsr.clip import JointAction, TrackedPoses
from mmselfhuman.models.gbsr.neighbours import Neighbours

NOTICEABLE = 0.5
"""Pixels; smaller moves are not worth reporting."""

LEAST_SAMPLES = 20


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
        the joint), and ``(K, T, 17)`` how many frames support the place.
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
    return place, np.where(total > 0, weight, 0.0), frames.sum(0)


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
    """Put a missing joint where the neighbouring frames agree that it is.

    Args:
        poses: Changed in place.
        neighbours: Of these poses.
        inside_track: ``(K, T)`` bool, the frames in which the person is there, detected or missed.
    """
    place, weight, support = consensus(poses, neighbours)
    found = (weight > 0) & (support > 0) & ~poses.present & inside_track[..., None]
    poses.points[found] = place[found]
    poses.scores[found] = weight[found]
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
    place, weight, support = consensus(poses, neighbours)
    distance = np.linalg.norm(place - poses.points, axis=-1)
    far = distance > stray * poses.heads[..., None]
    found = poses.present & far & (support > 1) & (weight > 0) & (poses.scores < confident)
    found &= poses.actions != JointAction.RECOVERED
    poses.points[found] = place[found]
    poses.record(found, JointAction.MOVED, "far from where the neighbouring frames agree that it is")


def reduce_jitter(poses: TrackedPoses, neighbours: Neighbours, confident: float, reach: float = 0.5) -> None:
    """Take out the part of a joint's displacement against *both* sides of its window that is the joint's own.

    Noise of the joint itself shows against the frames before and after alike; noise of a neighbour or of its flow only
    against that neighbour. So a joint is moved, in each coordinate, by the smaller of its two displacements where they
    have the same sign, and not at all where they differ. How much of it is noise at all is measured over the clip, for
    every joint: the covariance of the two displacements is the variance of the joint's own noise. It is about 0 where
    poses are exact and only the flow errs, and those are left as they are.

    Args:
        poses: Changed in place.
        neighbours: Of these poses.
        confident: Joints with this score or a higher one are left alone.
        reach: Displacements above this, in head sizes, are no jitter.
    """
    heads = poses.heads[..., None, None]
    displacement = neighbours.points - poses.points
    small = (np.abs(displacement) <= reach * heads).all(-1)
    weights = neighbours.weights * (small & poses.present)
    before = np.array(neighbours.offsets) < 0
    first, has_first = _weighted_mean(displacement[before], weights[before])
    second, has_second = _weighted_mean(displacement[~before], weights[~before])
    both = has_first & has_second
    gain = _share_of_noise(first / heads, second / heads, both)
    agreed = np.where(first * second > 0, np.sign(first) * np.minimum(np.abs(first), np.abs(second)), 0.0)
    move = agreed * gain * (both & (poses.scores < confident))[..., None]
    moved = np.linalg.norm(move, axis=-1) > NOTICEABLE
    poses.points += move
    poses.record(
        moved & (poses.actions == JointAction.KEPT), JointAction.MOVED, "jitter against the frames on both sides"
    )


def _weighted_mean(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of ``(D, ..., 2)`` over ``D`` and whether there was anything to average."""
    total = weights.sum(0)
    safe = np.where(total > 0, total, 1.0)[..., None]
    return (weights[..., None] * values).sum(0) / safe, total > 0


def _share_of_noise(first: np.ndarray, second: np.ndarray, both: np.ndarray) -> np.ndarray:
    """``(17, 1)`` in [0, 1]: how much of the displacements of each joint is its own noise.

    A joint with few samples leans on the mean of all.
    """
    samples = both[..., None]
    common = (first * second * samples).sum((0, 1, 3))
    total = ((first**2 + second**2) / 2 * samples).sum((0, 1, 3))
    if total.sum() == 0:
        return np.zeros((len(total), 1))
    prior = LEAST_SAMPLES * total.sum() / both.sum()
    share = (common + prior * common.sum() / total.sum()) / (total + prior)
    # Where all frames are equally noisy, a displacement has the variance of the joint and of its neighbour.
    return np.clip(2 * share, 0.0, 1.0)[:, None]
