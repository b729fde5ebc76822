"""Where the neighbouring frames say that a joint is."""

from collections.abc import Sequence

import numpy as np

from mmselfhuman.models.gbsr.clip import TrackedPoses
from mmselfhuman.models.gbsr.motion import ClipMotion
from mmselfhuman.structures import LIMBS, NUM_JOINTS

FLOW_WEIGHT = 0.7
AGREEMENT = 0.2
INSIDE_LIMB = (0.1, 0.2, 0.3)


def _limb_distances() -> np.ndarray:
    """``(17, 17)``, the number of limbs between two joints."""
    distance = np.full((NUM_JOINTS, NUM_JOINTS), np.inf)
    np.fill_diagonal(distance, 0)
    for a, b in LIMBS:
        distance[a, b] = distance[b, a] = 1
    for middle in range(NUM_JOINTS):
        distance = np.minimum(distance, distance[:, middle, None] + distance[None, middle])
    return distance


KINSHIP = np.where(np.eye(NUM_JOINTS) > 0, 0.0, np.exp(-(_limb_distances() - 1)))
"""``(17, 17)``: how much one joint's motion says about another's; 1 for joints of one limb, 0 for itself."""

_PARTNERS = [[b if a == m else a for a, b in LIMBS if m in (a, b)] for m in range(NUM_JOINTS)]


def _places_inside_limbs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joint, other end of the limb and how far towards it, of all places that speak for a joint; sorted by joint."""
    places = [
        (m, partner, share)
        for m, partners in enumerate(_PARTNERS)
        for partner, share in [(m, 0.0), *((partner, share) for partner in partners for share in INSIDE_LIMB)]
    ]
    joints, partners, shares = zip(*places, strict=True)
    return np.array(joints), np.array(partners), np.array(shares)


_PLACES = _places_inside_limbs()


class Neighbours:
    """The joints of the neighbouring frames, carried into each frame.

    A joint is carried by what most of the witnesses of its motion agree on: the flow at the joint, the flow a little
    way inside its limbs (joints lie at the border of thin limbs, where flow is the background's), and the displacements
    of the other joints that both frames have, the closer in the skeleton the more, and their median. The joint's own
    place in the frame is no witness, so that it can be judged.

    Attributes:
        offsets: ``(D,)`` frames from the frame to its neighbour.
        points: ``(D, K, T, 17, 2)``, the joint of frame ``t + d`` in frame ``t``.
        weights: ``(D, K, T, 17)``, score of the neighbour's joint times the share of the witnesses that agree; 0 where
            the neighbour has no such joint.
    """

    def __init__(self, poses: TrackedPoses, motion: ClipMotion, offsets: Sequence[int]) -> None:
        self.offsets = tuple(offsets)
        shape = (len(self.offsets), *poses.scores.shape)
        self.points, self.weights = np.zeros((*shape, 2)), np.zeros(shape)
        frames = poses.scores.shape[1]
        for d, offset in enumerate(self.offsets):
            for t in range(max(0, -offset), min(frames, frames - offset)):
                tracks = np.flatnonzero(poses.present[:, t + offset].any(-1))
                moved, agreement = _motion(poses, motion, tracks, t + offset, t)
                self.points[d, tracks, t] = poses.points[tracks, t + offset] + moved
                self.weights[d, tracks, t] = poses.scores[tracks, t + offset] * agreement

    @property
    def there(self) -> np.ndarray:
        """``(D, K, T, 17)`` bool."""
        return self.weights > 0


def _motion(
    poses: TrackedPoses, motion: ClipMotion, tracks: np.ndarray, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray]:
    """``(K, 17, 2)`` displacement of K persons' joints from ``start`` to ``stop``; ``(K, 17)`` agreement in (0, 1]."""
    points, present = poses.points[tracks, start], poses.present[tracks, start]
    moved = poses.points[tracks, stop] - points
    both = present & poses.present[tracks, stop]
    others = np.broadcast_to(moved[:, None], (len(tracks), NUM_JOINTS, NUM_JOINTS, 2))
    flow = motion.carry(points, start, stop) - points
    limb_flow = _flow_inside_limbs(points, present, motion, start, stop)
    person = _median_of_others(moved, both)
    witnesses = np.concatenate([others, np.stack([flow, limb_flow, person], axis=2)], axis=2)
    weights = np.full(witnesses.shape[:3], FLOW_WEIGHT)
    weights[:, :, :NUM_JOINTS] = KINSHIP * both[:, None]
    weights[:, :, -1] *= both.sum(1, keepdims=True) > both
    squared = ((witnesses[:, :, :, None] - witnesses[:, :, None]) ** 2).sum(-1)
    reach = AGREEMENT * np.maximum(poses.heads[tracks, stop], 1e-6)[:, None, None, None]
    near = np.exp(-squared / (2 * reach**2)) * weights[:, :, None]
    best = (near.sum(-1) * (weights > 0)).argmax(-1)
    chosen = np.take_along_axis(near, best[..., None, None], axis=2)[:, :, 0]
    total = chosen.sum(-1)
    return (chosen[..., None] * witnesses).sum(2) / total[..., None], total / weights.sum(-1)


def _median_of_others(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """``(K, 17, 2)`` median of ``(K, 17, 2)`` over the other known joints of the person; 0 where there are none."""
    others = known[:, None] & ~np.eye(NUM_JOINTS, dtype=bool)
    ranked = np.sort(np.where(others[..., None], values[:, None], np.inf), axis=2)
    count = others.sum(2)[:, :, None, None]
    low, high = (np.take_along_axis(ranked, np.maximum(index, 0), axis=2) for index in ((count - 1) // 2, count // 2))
    return np.where(count > 0, (low + high) / 2, 0.0)[:, :, 0]


def _flow_inside_limbs(
    points: np.ndarray, present: np.ndarray, motion: ClipMotion, start: int, stop: int
) -> np.ndarray:
    """``(K, 17, 2)``: for every joint the median flow at it and at places inside the limbs that meet there."""
    joints, partners, shares = _PLACES
    own = points[:, joints]
    ends = np.where(present[:, partners, None], points[:, partners], own)
    places = own + shares[:, None] * (ends - own)
    flow = motion.carry(places, start, stop) - places
    result = np.zeros_like(points)
    counts = np.bincount(joints)
    for count in np.unique(counts):  # joints of as many limbs together
        alike = np.flatnonzero(counts == count)
        parts = flow[:, np.isin(joints, alike)].reshape(len(points), len(alike), count, 2)
        result[:, alike] = np.median(parts, axis=2)
    return result


def closeness(first: np.ndarray, second: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """1 for points in one place, falling to 0 over about the given scale.

    Args:
        first, second: ``(..., 2)`` pixels.
        scale: ``(...)`` pixels.
    """
    squared = ((first - second) ** 2).sum(-1)
    return np.exp(-2 * squared / scale**2)
