"""Joints that bear a wrong name: left for right, or one person's for another's."""

from itertools import product

import numpy as np

from mmselfhuman.models.gbsr.clip import JointAction, TrackedPoses
from mmselfhuman.models.gbsr.matching import ClipMatching
from mmselfhuman.models.gbsr.neighbours import Neighbours, closeness
from mmselfhuman.structures import MIRRORED, NUM_JOINTS

PAIRS = tuple((joint, mirrored) for joint, mirrored in enumerate(MIRRORED) if joint < mirrored)


def repair_left_right(
    poses: TrackedPoses, neighbours: Neighbours, matching: ClipMatching, price: float = 3.0, appearance: float = 0.5
) -> None:
    """Exchange left and right where a frame contradicts its neighbours.

    For every person and pair of joints, each two neighbouring frames agree or disagree about which is left:
    ``+`` what lies where the namesake was carried to, ``-`` what lies where its counterpart was, and the same of the
    visibility scores. The side of each frame is then chosen for the largest agreement over the clip; blocks of a few
    frames are turned together, since the frames of a block confirm each other. A frame is turned only for a clear gain,
    so that where left and right lie together or look alike nothing happens.

    Args:
        poses: Changed in place.
        neighbours: Of these poses.
        matching: Of these poses.
        price: What turning a frame must gain in agreement; a pair of joints that both contradict both neighbours gains
            8.
        appearance: Weight of the visibility scores against the places.
    """
    for left, right in PAIRS:
        agreement = _agreement(poses, neighbours, matching, (left, right), appearance)
        for k in range(len(agreement)):
            for t in _turned(agreement[k], max(abs(d) for d in neighbours.offsets), price):
                for array in (poses.points, poses.scores):
                    array[k, t, [left, right]] = array[k, t, [right, left]]
                renamed = (k, t, [left, right])
                there = poses.present[renamed]
                poses.actions[renamed] = np.where(there, JointAction.SWAPPED, JointAction.ABSENT)
                poses.reasons[renamed] = np.where(
                    there,
                    "left and right contradicted the neighbouring frames",
                    "its detection was renamed: left and right contradicted the neighbouring frames",
                )


def _agreement(
    poses: TrackedPoses, neighbours: Neighbours, matching: ClipMatching, pair: tuple[int, int], appearance: float
) -> np.ndarray:
    """``(K, T, T)`` symmetric, in about [-2, 2]; 0 between frames that are no neighbours."""
    tracks, frames = poses.seen.shape
    result = np.zeros((tracks, frames, frames))
    own, present = poses.points[:, :, pair, :], poses.present[:, :, pair]
    # Eyes lie closer together than a head size, and would all count as each other at that scale.
    apart = np.linalg.norm(own[:, :, 0] - own[:, :, 1], axis=-1)
    apart = np.where(present.all(-1), np.clip(apart, 0.3 * poses.heads, poses.heads), poses.heads)
    for d, offset in enumerate(neighbours.offsets):
        # A joint speaks only where it had the choice between the two.
        carried, there = neighbours.points[d][:, :, pair, :], neighbours.there[d][:, :, pair].all(-1, keepdims=True)
        same, crossed = (
            (closeness(own, carried[:, :, order], apart[..., None]) * (present & there)).sum(-1)
            for order in ([0, 1], [1, 0])
        )
        t = np.arange(max(0, -offset), min(frames, frames - offset))
        result[:, t, t + offset] += (same - crossed)[:, t]
    result = (result + result.transpose(0, 2, 1)) / 2
    left, right = pair
    shares = matching.shares
    alike = shares[:, left, left] + shares[:, right, right] - shares[:, left, right] - shares[:, right, left]
    k, t, other = matching.pairs.T
    both = poses.present[k, t][:, pair].all(1) & poses.present[k, other][:, pair].all(1)
    result[k, t, other] += appearance * np.clip(alike, -2, 2) * both
    result[k, other, t] = result[k, t, other]
    return result


def _turned(agreement: np.ndarray, reach: int, price: float) -> list[int]:
    """The frames to turn, out of a person's ``(T, T)`` agreement between frames up to ``reach`` apart.

    Of all choices of signs, the one with the largest agreement of the linked frames is sought, less the price of every
    turned frame; but a frame is only turned if all choices that leave it are worse by half the price. (Two frames that
    contradict each other alone could be mended by turning either, so neither is.)
    """
    if (agreement >= 0).all():
        return []
    unbound = np.full(len(agreement), float(price))
    signs, best = _best_signs(agreement, reach, unbound)
    turned = []
    for t in np.flatnonzero(signs < 0):
        bound = unbound.copy()
        bound[t] = np.inf
        if best - _best_signs(agreement, reach, bound)[1] > price / 2:
            turned.append(int(t))
    return turned


def _best_signs(agreement: np.ndarray, reach: int, bias: np.ndarray) -> tuple[np.ndarray, float]:
    """The signs ``z`` that maximise the agreement, by dynamic programming over the signs of the last ``reach`` frames.

    ``bias`` is what each frame costs if turned. Returns the signs and the value.
    """
    states = list(product((1, -1), repeat=reach))
    value = dict.fromkeys(states, 0.0)  # frames before the first one have no links, so their signs are free
    history: list[dict[tuple[int, ...], tuple[int, ...]]] = []
    for t in range(len(agreement)):
        best: dict[tuple[int, ...], float] = {}
        came: dict[tuple[int, ...], tuple[int, ...]] = {}
        for state in states:
            links = sum(agreement[t, t - back] * state[-back] for back in range(1, min(reach, t) + 1))
            for sign in (1, -1):
                total = value[state] + sign * links - (bias[t] if sign < 0 else 0)
                after = (*state[1:], sign)
                if after not in best or total > best[after]:
                    best[after], came[after] = total, state
        value = best
        history.append(came)
    state = max(value, key=lambda key: value[key])
    top, signs = value[state], []
    for came in reversed(history):
        signs.append(state[-1])
        state = came[state]
    return np.array(signs[::-1]), top


def repair_between_persons(poses: TrackedPoses, neighbours: Neighbours, threshold: float = 0.6) -> None:
    """Give a joint back to the person on whose track it lies, if two persons of a frame exchanged it.

    Args:
        poses: Changed in place.
        neighbours: Of these poses.
        threshold: Least gain per joint, of at most 1, in mean closeness to where the neighbours expect it.
    """
    frames = poses.seen.shape[1]
    for t in range(frames):
        tracks = np.flatnonzero(poses.seen[:, t])
        if len(tracks) < 2:
            continue
        expected, there = neighbours.points[:, tracks, t], neighbours.there[:, tracks, t]
        heads = poses.heads[tracks, t]
        points, present = poses.points[tracks, t], poses.present[tracks, t]
        # fit[i, j, m]: how well joint m of person i would do as joint m of person j
        near = closeness(points[None, :, None], expected[:, None], heads[None, None, :, None]) * there[:, None]
        count = there.sum(0)[None]
        fit = np.divide(near.sum(0), count, out=np.zeros(near.shape[1:]), where=count > 0) * present[:, None]
        own = np.einsum("iim->im", fit)
        joints = present[:, None].astype(int) + present[None]
        gain = fit + fit.transpose(1, 0, 2) - own[:, None] - own[None]
        # One neighbour alone may be the one that exchanged them.
        known = (count[0, :, None] > 1) & (count > 1)
        gain = np.divide(gain, joints, out=np.zeros_like(gain), where=(joints > 0) & known)
        for m in range(NUM_JOINTS):
            _exchange(poses, tracks, t, m, gain[:, :, m], threshold)


def _exchange(poses: TrackedPoses, tracks: np.ndarray, t: int, m: int, gain: np.ndarray, threshold: float) -> None:
    gain = np.triu(gain, 1)
    while gain.max(initial=0) > threshold:
        i, j = np.unravel_index(gain.argmax(), gain.shape)
        both = tracks[[i, j]]
        for array in (poses.points, poses.scores):
            array[both, t, m] = array[both[::-1], t, m]
        there = poses.present[both, t, m]
        poses.actions[both, t, m] = np.where(there, JointAction.SWAPPED, JointAction.ABSENT)
        poses.reasons[both, t, m] = np.where(
            there, "lay on another person's track", "its detection lay on another person's track and was given back"
        )
        gain[[i, j]] = 0
        gain[:, [i, j]] = 0
