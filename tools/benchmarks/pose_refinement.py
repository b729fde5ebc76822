"""Corrupt true poses of synthetic videos on purpose and measure what the graph pose refiner repairs.

Corruption, all seeded: 10% of the persons are missed; of the others, 10% of the pairs of left and right joints are
exchanged, and 5% of the joints of overlapping persons between these; 30% of the other joints are dropped; of the rest a
share is displaced by Gaussian jitter of 3 pixels (standard deviation, in x and y), and what is left stays exact.
"""

import argparse
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from mmselfhuman.datasets.synthetic import SyntheticVideos
from mmselfhuman.models.flow import DISFlow
from mmselfhuman.models.gbsr.association import pose_boxes
from mmselfhuman.models.gbsr.clip import RefinedPerson
from mmselfhuman.models.gbsr.features import FourteenConvolutions
from mmselfhuman.models.gbsr.graph import head_sizes
from mmselfhuman.models.gbsr.motion import ClipMotion
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
from mmselfhuman.structures import MIRRORED, NUM_JOINTS, box_iou
from mmselfhuman.visualization.poses import error_curves

DROPPED, SWAPPED, JITTERED, UNTOUCHED = 1, 2, 3, 4
PAIRS = [(a, b) for a, b in enumerate(MIRRORED) if a < b]


@dataclass
class Corruption:
    """How much of what; probabilities, except ``sigma`` in pixels."""

    missed: float = 0.1
    dropped: float = 0.3
    swapped: float = 0.1
    exchanged: float = 0.05
    jittered: float = 0.5
    sigma: float = 3.0


@dataclass
class CorruptedClip:
    """``truth[t]`` is ``(P, 17, 3)``, the last column the score of a perfect detector; ``kind[t]`` ``(P, 17)`` says
    what was done to each joint (0: not there), ``kept[t]`` who is left, ``poses[t]`` their corrupted poses."""

    truth: list[np.ndarray]
    kind: list[np.ndarray] = field(default_factory=list)
    kept: list[np.ndarray] = field(default_factory=list)
    poses: list[np.ndarray] = field(default_factory=list)


def corrupt(truth: list[np.ndarray], how: Corruption, seed: int) -> CorruptedClip:
    """Corrupt the poses of a clip."""
    rng = np.random.default_rng(seed)
    clip = CorruptedClip(truth)
    for persons in truth:
        poses = persons.copy()
        there = poses[..., 2] > 0
        kind = np.where(there, UNTOUCHED, 0)
        _exchange_persons(poses, kind, how.exchanged, rng)
        for person, left_right in np.ndindex(len(poses), len(PAIRS)):
            pair = list(PAIRS[left_right])
            untouched = (kind[person, pair] != SWAPPED).all() and there[person, pair].any()
            if rng.random() < how.swapped and untouched:
                poses[person, pair] = poses[person, pair[::-1]]
                kind[person, pair] = np.where(there[person, pair], SWAPPED, 0)
        dropped = (rng.random(kind.shape) < how.dropped) & (kind == UNTOUCHED)
        poses[dropped] = 0
        kind[dropped] = DROPPED
        jittered = (rng.random(kind.shape) < how.jittered) & (kind == UNTOUCHED)
        poses[jittered, :2] += rng.normal(0, how.sigma, (int(jittered.sum()), 2))
        kind[jittered] = JITTERED
        clip.kind.append(kind)
        clip.kept.append(rng.random(len(poses)) >= how.missed)
        clip.poses.append(poses[clip.kept[-1]])
    return clip


def _exchange_persons(poses: np.ndarray, kind: np.ndarray, share: float, rng: np.random.Generator) -> None:
    overlap = box_iou(pose_boxes(poses), pose_boxes(poses))
    for i, j in zip(*np.nonzero(np.triu(overlap > 0.1, 1)), strict=True):
        for m in range(NUM_JOINTS):
            if rng.random() < share and (kind[[i, j], m] == UNTOUCHED).all():
                poses[[i, j], m] = poses[[j, i], m]
                kind[[i, j], m] = SWAPPED


@dataclass
class Score:
    """Counts over clips."""

    dropped: list[bool] = field(default_factory=list)
    swapped: list[bool] = field(default_factory=list)
    worse: list[bool] = field(default_factory=list)
    jitter_worse: list[bool] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    persons: list[bool] = field(default_factory=list)

    def row(self) -> dict[str, float]:
        def mean(values: list) -> float:
            return float(np.mean(values)) if values else float("nan")

        return {
            "dropped, back within 0.1 head": mean(self.dropped),
            "swaps repaired": mean(self.swapped),
            "untouched, worse by > 2 px": mean(self.worse),
            "jittered, worse by > 2 px": mean(self.jitter_worse),
            "jitter before, px": mean(self.before),
            "jitter after, px": mean(self.after),
            "median, before": float(np.median(self.before)) if self.before else float("nan"),
            "median, after": float(np.median(self.after)) if self.after else float("nan"),
            "missed persons back": mean(self.persons),
        }


def measure(clip: CorruptedClip, refined: list[list[RefinedPerson]], score: Score) -> None:
    """Compare refined poses with the truth."""
    owner = {}  # track -> true person
    for t, persons in enumerate(refined):
        for person in persons:
            if person.source is not None:
                owner.setdefault(person.track_id, []).append(int(np.flatnonzero(clip.kept[t])[person.source]))
    for t, persons in enumerate(refined):
        out = {}
        for person in persons:
            names = np.flatnonzero(clip.kept[t])
            true = names[person.source] if person.source is not None else np.bincount(owner[person.track_id]).argmax()
            out.setdefault(int(true), person.keypoints)
        for p, (truth, kind) in enumerate(zip(clip.truth[t], clip.kind[t], strict=True)):
            around = [s for s in (t - 1, t + 1) if 0 <= s < len(refined) and p < len(clip.kept[s]) and clip.kept[s][p]]
            if not clip.kept[t][p]:
                if len(around) == 2:
                    score.persons.append(_same(out.get(p), truth))
                continue
            given = clip.poses[t][int(clip.kept[t][:p].sum())]
            head = head_sizes(truth)
            now = out.get(p, given)
            error = np.linalg.norm(now[:, :2] - truth[:, :2], axis=1)
            former = np.linalg.norm(given[:, :2] - truth[:, :2], axis=1)
            for m in np.flatnonzero(kind):
                if kind[m] == DROPPED:
                    if any(clip.kind[s][p, m] in (JITTERED, UNTOUCHED) for s in around):
                        score.dropped.append(now[m, 2] > 0 and error[m] <= 0.1 * head)
                elif kind[m] == SWAPPED:
                    score.swapped.append(bool(error[m] < 0.25 * max(former[m], 1e-9) or error[m] < 0.1 * head))
                elif kind[m] == UNTOUCHED:
                    score.worse.append(error[m] > 2)
                else:
                    score.jitter_worse.append(error[m] > former[m] + 2)
                    score.before.append(former[m])
                    score.after.append(error[m])


def _same(found: np.ndarray | None, truth: np.ndarray) -> bool:
    if found is None:
        return False
    both = (found[:, 2] > 0) & (truth[:, 2] > 0)
    distance = np.linalg.norm(found[both, :2] - truth[both, :2], axis=1)
    return bool(both.any() and np.median(distance) < 0.5 * head_sizes(truth))


def joint_errors(clip: CorruptedClip, refined: list[list[RefinedPerson]], person: int) -> tuple[np.ndarray, np.ndarray]:
    """``(T, 17)`` pixels each, before and after refinement; NaN where a joint is missing."""
    before, after = np.full((2, len(refined), NUM_JOINTS), np.nan)
    for t, persons in enumerate(refined):
        if person >= len(clip.kept[t]) or not clip.kept[t][person]:
            continue
        index, truth = int(clip.kept[t][:person].sum()), clip.truth[t][person]
        found = [one.keypoints for one in persons if one.source == index]
        for errors, pose in ((before, clip.poses[t][index]), *((after, pose) for pose in found)):
            known = (pose[:, 2] > 0) & (truth[:, 2] > 0)
            errors[t, known] = np.linalg.norm(pose[known, :2] - truth[known, :2], axis=1)
    return before, after


def largest_change(clip: CorruptedClip, refined: list[list[RefinedPerson]]) -> float:
    """How far any joint that came in was moved, in pixels; persons taken out do not count."""
    changes = [0.0]
    for poses, persons in zip(clip.poses, refined, strict=True):
        for person in persons:
            if person.source is not None:
                given = poses[person.source]
                moved = np.linalg.norm(person.keypoints[:, :2] - given[:, :2], axis=1)
                changes.append(float(moved[given[:, 2] > 0].max(initial=0.0)))
    return max(changes)


def synthetic_clip(seed: int, index: int, frames: int, size: int, flow: str) -> tuple[list, list, ClipMotion]:
    """Images, true poses (visible joints, scores in [0.5, 0.85]) and flow of a synthetic video."""
    clip = SyntheticVideos(num_videos=index + 1, num_frames=frames, size=(size, size), seed=seed)[index]
    rng = np.random.default_rng(seed)
    images = [clip.image(t) for t in range(frames)]
    truth = []
    for t in range(frames):
        joints = clip.truth(t).joints.astype(float)
        joints[..., 2] = np.where(joints[..., 2] == 2, rng.uniform(0.5, 0.85, joints.shape[:2]), 0)
        joints[joints[..., 2] == 0] = 0
        truth.append(joints)
    if flow == "true":
        forward = [clip.flow(t, t + 1)[0] for t in range(frames - 1)]
        return images, truth, ClipMotion(forward, [clip.flow(t + 1, t)[0] for t in range(frames - 1)])
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    forward, backward = DISFlow().bidirectional(batch[:-1], batch[1:])
    return images, truth, ClipMotion(list(forward.numpy()), list(backward.numpy()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--size", type=int, default=384, help="side of the frames in pixels")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--window", type=int, default=3)
    parser.add_argument("--flow", choices=("dis", "true"), default="dis")
    parser.add_argument("--extractor", choices=("none", "fourteen"), default="fourteen")
    parser.add_argument("--jittered", type=float, default=0.5, help="share of the other joints that are jittered")
    parser.add_argument("--curves", help="draw the errors of each joint of the first person of the first clip here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    extractor = FourteenConvolutions().eval() if args.extractor == "fourteen" else None
    refiner = GraphPoseRefiner(extractor, window=args.window)
    everything, names = [], list(Score().row())
    print("| seed | poses | " + " | ".join(names) + " | largest change of exact joints, px |")
    print("|" + "---|" * (len(names) + 3))
    for seed in args.seeds:
        corrupted, exact, change = Score(), Score(), 0.0
        for index in range(args.clips):
            images, truth, motion = synthetic_clip(seed, index, args.frames, args.size, args.flow)
            for how, score in ((Corruption(jittered=args.jittered), corrupted), (Corruption(0, 0, 0, 0, 0), exact)):
                clip = corrupt(truth, how, seed=1000 * seed + index)
                refined = refiner(images, clip.poses, motion)
                measure(clip, refined, score)
                if args.curves and how.missed and seed == args.seeds[0] and index == 0:
                    cv2.imwrite(args.curves, error_curves(*joint_errors(clip, refined, 0)))
            change = max(change, largest_change(clip, refined))
        for kind, score in (("corrupted", corrupted), ("exact", exact)):
            cells = [f"{value:.3f}" for value in score.row().values()]
            print(
                f"| {seed} | {kind} | {' | '.join(cells)} | {f'{change:.2f}' if kind == 'exact' else '-'} |", flush=True
            )
        everything.append(list(corrupted.row().values()))
    print("| all | corrupted | " + " | ".join(f"{value:.3f}" for value in np.nanmean(everything, axis=0)) + " | - |")


if __name__ == "__main__":
    main()
