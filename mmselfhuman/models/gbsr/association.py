"""Who is who in neighbouring frames.

The paper compares the graphs of *the same person* in frames i and i + 1 and leaves open how that person is found. Here
the persons of a frame are carried into the next by the flow and assigned one to one, on the similarity of their poses
and the overlap of their boxes (and masks, where there are any); pairs too unlike each other are never joined.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from mmselfhuman.models.gbsr.motion import ClipMotion
from mmselfhuman.structures import NUM_JOINTS, SIGMAS, box_iou


@dataclass(frozen=True)
class Assignment:
    """One-to-one pairs between two sets of persons, best first.

    Attributes:
        pairs: ``(K, 2)`` int, index in the first and in the second set.
        affinity: ``(K,)`` in [0, 1], how alike the two are.
        margin: ``(K,)`` in [-1, 1], by how much the pair beats the best other partner of either; near 0, or below where
            the joint assignment gave way, the pair could as well be another.
    """

    pairs: np.ndarray
    affinity: np.ndarray
    margin: np.ndarray


@dataclass(frozen=True)
class Track:
    """One person through a clip.

    Attributes:
        persons: Frame to index of the person in that frame's poses, in temporal order; frames may be missing between.
        affinity, margin: Frame to the :class:`Assignment` values with which the person was joined there; the first
            frame of a track has none.
    """

    persons: dict[int, int]
    affinity: dict[int, float]
    margin: dict[int, float]


def pose_similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """OKS between detected poses: COCO's object keypoint similarity over the joints that both have.

    The area of COCO's formula is the mean area of the two poses' boxes. Joints count by the smaller of their two
    scores.

    Args:
        first: ``(P, 17, 3)`` of ``(x, y, score)``; a score of 0 means missing.
        second: ``(Q, 17, 3)``.

    Returns:
        ``(P, Q)`` in [0, 1]; 0 where no joint is common.
    """
    areas = [np.prod(pose_boxes(poses)[:, 2:], axis=1) for poses in (first, second)]
    area = np.maximum((areas[0][:, None] + areas[1]) / 2, 1.0)
    squared = ((first[:, None, :, :2] - second[None, :, :, :2]) ** 2).sum(-1)
    similarity = np.exp(-squared / (2 * area[..., None] * (2 * SIGMAS) ** 2))
    weights = np.minimum(first[:, None, :, 2], second[None, :, :, 2])
    total = weights.sum(-1)
    return np.divide((similarity * weights).sum(-1), total, out=np.zeros_like(total), where=total > 0)


def pose_boxes(poses: np.ndarray) -> np.ndarray:
    """``(P, 4)`` boxes ``(x, y, w, h)`` in pixels around the joints of ``(P, 17, 3)``; zeros without joints."""
    boxes = np.zeros((len(poses), 4))
    for box, pose in zip(boxes, poses, strict=True):
        points = pose[pose[:, 2] > 0, :2]
        if len(points):
            box[:2], box[2:] = points.min(0), np.ptp(points, axis=0)
    return boxes


def mask_overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """``(P, Q)`` intersection over union of ``(P, H, W)`` and ``(Q, H, W)`` bool masks; 0 where both are empty."""
    flat, other = _flattened(first), _flattened(second)
    intersection = flat @ other.T
    union = flat.sum(1)[:, None] + other.sum(1) - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)


def _flattened(masks: np.ndarray) -> np.ndarray:
    return masks.reshape(len(masks), np.prod(masks.shape[1:], dtype=int)).astype(np.float32)


def affinity(first: np.ndarray, second: np.ndarray, overlap: np.ndarray | None = None) -> np.ndarray:
    """How alike persons are that stand in one frame's coordinates: the mean of pose similarity and overlap.

    Neither is enough: similarity of poses collapses when left and right are confused, overlap cannot tell persons apart
    who embrace.

    Args:
        first: ``(P, 17, 3)`` of ``(x, y, score)``, already carried into the frame of ``second``.
        second: ``(Q, 17, 3)``.
        overlap: ``(P, Q)`` to use in place of the overlap of boxes, e.g. of carried masks.

    Returns:
        ``(P, Q)`` in [0, 1].
    """
    if overlap is None:
        overlap = box_iou(pose_boxes(first), pose_boxes(second))
    return (pose_similarity(first, second) + overlap) / 2


def assign(affinities: np.ndarray, threshold: float) -> Assignment:
    """The one-to-one assignment of largest total affinity (Hungarian), without pairs below a threshold.

    Pairs below the threshold are excluded beforehand, so that they cannot push a good pair out of the optimum.

    Args:
        affinities: ``(P, Q)`` in [0, 1].
        threshold: Smallest affinity of a pair.
    """
    gated = np.where(affinities >= threshold, affinities, 0.0)
    rows, columns = linear_sum_assignment(-gated)
    kept = gated[rows, columns] > 0
    rows, columns = rows[kept], columns[kept]
    values = affinities[rows, columns]
    margins = np.empty(len(rows))
    for k, (row, column) in enumerate(zip(rows, columns, strict=True)):
        rivals = np.concatenate([np.delete(affinities[row], column), np.delete(affinities[:, column], row)])
        margins[k] = values[k] - rivals.max(initial=0.0)
    order = np.argsort(-values, kind="stable")
    return Assignment(np.stack([rows, columns], 1)[order], values[order], margins[order])


def track_persons(
    poses: Sequence[np.ndarray],
    motion: ClipMotion,
    threshold: float = 0.2,
    max_gap: int = 2,
    masks: Sequence[np.ndarray] | None = None,
) -> list[Track]:
    """Follow every person through a clip.

    A person who was seen in the frame before is expected where the flow carries it and where constant velocity leads,
    and judged by the mean of both: while persons cross, the flow at the hidden one's joints is the other's. After a
    frame without the person only constant velocity counts.

    Args:
        poses: For every frame ``(P, 17, 3)`` of ``(x, y, score)`` in pixels, finite; a score of 0 means missing.
        motion: Of the same clip.
        threshold: Smallest affinity with which a person is joined to a track.
        max_gap: For how many frames in a row a person may be missed without ending the track.
        masks: For every frame ``(P, H, W)`` bool, the persons' masks. Between persons of neighbouring frames, their
            overlap (moved by the person's own displacement) replaces that of the boxes.

    Returns:
        Tracks in order of their first frame; every person is in exactly one.

    Raises:
        ValueError: The lists do not fit together.
    """
    _check(poses, motion, masks)
    tracks: list[Track] = []
    states: list[_State] = []
    for frame, persons in enumerate(poses):
        if frame:
            for state in states:
                state.advance(motion, frame)
        states = [state for state in states if state.steps <= max_gap + 1]
        by_flow, by_inertia = (
            np.stack(expected) if states else np.zeros((0, NUM_JOINTS, 3))
            for expected in ([state.pose for state in states], [state.inertial for state in states])
        )
        overlap = None if masks is None else _mask_overlaps(states, by_flow, persons, masks[frame])
        likeness = (affinity(by_flow, persons, overlap) + affinity(by_inertia, persons, overlap)) / 2
        found = assign(likeness, threshold)
        taken = set()
        for (row, column), value, margin in zip(found.pairs, found.affinity, found.margin, strict=True):
            state, track = states[row], states[row].track
            track.persons[frame] = int(column)
            track.affinity[frame], track.margin[frame] = float(value), float(margin)
            state.meet(persons[column], None if masks is None else masks[frame][column])
            taken.add(int(column))
        for column in sorted(set(range(len(persons))) - taken):
            track = Track({frame: column}, {}, {})
            tracks.append(track)
            states.append(_State(track, persons[column], None if masks is None else masks[frame][column]))
    return _adopt_singles(tracks, poses, threshold)


def _adopt_singles(tracks: list[Track], poses: Sequence[np.ndarray], threshold: float) -> list[Track]:
    """Give persons who were joined to nobody to the tracks that miss someone right there.

    What comes after the gap is known by now, so the person is expected halfway (in time) between its neighbours.
    """
    singles = {
        (frame, person): track for track in tracks for frame, person in track.persons.items() if len(track.persons) == 1
    }
    adopted = set()
    for frame in sorted({frame for frame, _ in singles}):
        here = [person for at, person in singles if at == frame]
        waiting = [
            track for track in tracks if min(track.persons) < frame < max(track.persons) and frame not in track.persons
        ]
        if not waiting:
            continue
        expected = np.stack([_between(track, poses, frame) for track in waiting])
        found = assign(affinity(expected, poses[frame][here]), threshold / 2)  # a gap right there speaks for it
        for (row, column), value, margin in zip(found.pairs, found.affinity, found.margin, strict=True):
            track = waiting[row]
            track.persons[frame], track.affinity[frame], track.margin[frame] = here[column], float(value), float(margin)
            for record in (track.persons, track.affinity, track.margin):
                ordered = sorted(record.items())
                record.clear()
                record.update(ordered)
            adopted.add(id(singles[frame, here[column]]))
    return [track for track in tracks if id(track) not in adopted]


def _between(track: Track, poses: Sequence[np.ndarray], frame: int) -> np.ndarray:
    """``(17, 3)`` between the poses before and after the frame; joints that both have."""
    before = max(t for t in track.persons if t < frame)
    after = min(t for t in track.persons if t > frame)
    share = (frame - before) / (after - before)
    first, second = (poses[t][track.persons[t]] for t in (before, after))
    pose = (1 - share) * first + share * second
    pose[:, 2] = np.minimum(first[:, 2], second[:, 2])
    return pose


class _State:
    """Where a person of an open track is expected: ``pose`` by the flow, ``inertial`` by constant velocity.

    ``steps`` counts the frames since the person was seen.
    """

    def __init__(self, track: Track, pose: np.ndarray, mask: np.ndarray | None) -> None:
        self.track = track
        self.velocity: np.ndarray | None = None
        self.steps = 0
        self._see(pose, mask)

    def _see(self, pose: np.ndarray, mask: np.ndarray | None) -> None:
        self.pose, self.inertial, self.mask = pose.copy(), pose.copy(), mask
        self.seen = pose[:, :2].copy()

    def advance(self, motion: ClipMotion, frame: int) -> None:
        """Expect the person in ``frame``, the one after the last."""
        if self.steps == 0:
            self.pose[:, :2] = motion.carry(self.pose[:, :2], frame - 1, frame)
            if self.velocity is None:  # seen but once: all that is known is the flow
                present = self.pose[:, 2] > 0
                moved = (self.pose[:, :2] - self.seen)[present]
                self.velocity = np.median(moved, axis=0) if len(moved) else np.zeros(2)
                self.inertial = self.pose.copy()
            else:
                self.inertial[:, :2] += self.velocity
        else:
            self.inertial[:, :2] += self.velocity
            self.pose = self.inertial.copy()
        self.steps += 1

    def meet(self, pose: np.ndarray, mask: np.ndarray | None) -> None:
        """The person was found: learn its velocity and expect it from here."""
        common = (pose[:, 2] > 0) & (self.pose[:, 2] > 0)
        if common.any():
            self.velocity = np.median((pose[:, :2] - self.seen)[common], axis=0) / self.steps
        self.steps = 0
        self._see(pose, mask)


def _mask_overlaps(states: list[_State], expected: np.ndarray, persons: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Overlap of the persons' last masks, moved as a whole by the median displacement of their joints."""
    moved = np.zeros((len(states), *masks.shape[1:]), bool)
    for target, state, pose in zip(moved, states, expected, strict=True):
        present = pose[:, 2] > 0
        shift = np.median((pose[:, :2] - state.seen)[present], axis=0) if present.any() else np.zeros(2)
        rows, columns = np.nonzero(state.mask)
        x, y = columns + round(float(shift[0])), rows + round(float(shift[1]))
        inside = (x >= 0) & (x < target.shape[1]) & (y >= 0) & (y < target.shape[0])
        target[y[inside], x[inside]] = True
    return mask_overlap(moved, masks)


def _check(poses: Sequence[np.ndarray], motion: ClipMotion, masks: Sequence[np.ndarray] | None) -> None:
    if len(poses) != len(motion):
        raise ValueError(f"got poses of {len(poses)} frames but the motion of {len(motion)}")
    for frame, persons in enumerate(poses):
        if persons.ndim != 3 or persons.shape[1:] != (NUM_JOINTS, 3):
            raise ValueError(f"poses[{frame}] must have shape (P, {NUM_JOINTS}, 3), got {persons.shape}")
    if masks is None:
        return
    if len(masks) != len(poses):
        raise ValueError(f"got poses of {len(poses)} frames but masks of {len(masks)}")
    for frame, (persons, own) in enumerate(zip(poses, masks, strict=True)):
        if own.ndim != 3 or len(own) != len(persons):
            raise ValueError(f"masks[{frame}] must have shape ({len(persons)}, H, W), got {own.shape}")
