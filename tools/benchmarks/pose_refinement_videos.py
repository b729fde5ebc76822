"""Refine a pose network's poses on the synthetic target videos, and compare both with the truth.

The table has keypoint AP of the network and of the refined poses, for every setting and seed, and what became of the
network's joints: joints it lacked and that came back, joints it had under another joint's name and that were repaired,
and good joints that were spoilt. A joint is good within 0.2 head sizes (|neck - nose|) of the truth, on a person whose
pose is that of an annotated person (greedily, by OKS, at least 0.3). Top-down networks are given the true boxes.
Seeds are the videos'; every seed may have a network of its own.

    python tools/benchmarks/pose_refinement_videos.py CONFIG CHECKPOINT [CHECKPOINT CHECKPOINT] --seeds 0 1 2
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import TRANSFORMS, init_default_scope
from mmengine.runner import load_checkpoint
from torch import nn

from mmselfhuman.datasets.synthetic import SyntheticVideos
from mmselfhuman.engine.label_making.pose_predictor import PoseEstimatorPredictor
from mmselfhuman.evaluation.coco_eval import evaluate_coco
from mmselfhuman.models.flow import DISFlow
from mmselfhuman.models.gbsr.features import FourteenConvolutions
from mmselfhuman.models.gbsr.graph import head_sizes
from mmselfhuman.models.gbsr.motion import ClipMotion
from mmselfhuman.models.gbsr.poses import person_score
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
from mmselfhuman.models.gbsr.registered import BackboneJointFeatures
from mmselfhuman.registry import MODELS
from mmselfhuman.structures import MIRRORED, SIGMAS, Person
from mmselfhuman.utils import load_config

GOOD = 0.2
SETTINGS = {
    "refined (alpha 0.5, window 3)": {},
    "alpha 0": {"alpha": 0.0},
    "alpha 1": {"alpha": 1.0},
    "window 2": {"window": 2},
    "window 5": {"window": 5},
    "N_GBSR 2": {"passes": 2},
    "fourteen convolutions": {"extractor": "fourteen convolutions"},
    "the network's backbone": {"extractor": "the network's backbone"},
}


@dataclass
class Video:
    """A clip with its truth and the network's poses."""

    images: list[np.ndarray]
    truth: list[tuple[Person, ...]]
    motion: ClipMotion
    poses: list[np.ndarray] = field(default_factory=list)


def videos_of(seed: int, count: int, frames: int, predictor: PoseEstimatorPredictor) -> list[Video]:
    """Render, estimate the flow, and predict."""
    result = []
    for clip in SyntheticVideos("target", num_videos=count, num_frames=frames, seed=seed):
        decoded = list(clip)
        truth = [clip.truth(t).persons() for t in range(frames)]
        batch = torch.from_numpy(np.stack([frame.image for frame in decoded])).permute(0, 3, 1, 2)
        forward, backward = DISFlow().bidirectional(batch[:-1], batch[1:])
        motion = ClipMotion(list(forward.numpy()), list(backward.numpy()))
        predictor.boxes = {clip.name: {t: np.array([p.box for p in persons]) for t, persons in enumerate(truth)}}
        result.append(Video([frame.image for frame in decoded], truth, motion, predictor(clip.name, decoded)))
    return result


def ground_truth(videos: Sequence[Video]) -> dict:
    """COCO's format; image ``1000 * clip + frame + 1``."""
    images, annotations = [], []
    for number, video in enumerate(videos):
        for t, persons in enumerate(video.truth):
            height, width = video.images[t].shape[:2]
            images.append({"id": 1000 * number + t + 1, "height": height, "width": width})
            for person in persons:
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": images[-1]["id"],
                        "category_id": 1,
                        "area": person.area,
                        "bbox": list(person.box),
                        "keypoints": person.keypoints.astype(float).ravel().tolist(),
                    }
                )
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}


def average_precision(truth: dict, poses: Sequence[Sequence[np.ndarray]]) -> float:
    """Keypoint AP in percent of ``poses[clip][frame]``, ``(P, 17, 3)`` each."""
    results = [
        {
            "image_id": 1000 * number + t + 1,
            "category_id": 1,
            "score": person_score(pose),
            "keypoints": pose.ravel().tolist(),
        }
        for number, clip in enumerate(poses)
        for t, persons in enumerate(clip)
        for pose in persons
    ]
    return 100 * evaluate_coco(truth, results, "keypoints").ap()


@dataclass
class Joints:
    """What became of joints; lists of outcomes."""

    missing: list[bool] = field(default_factory=list)
    swapped: list[bool] = field(default_factory=list)
    good: list[bool] = field(default_factory=list)

    def percent(self) -> dict[str, float]:
        return {
            name: 100 * float(np.mean(values)) if values else float("nan")
            for name, values in (
                ("missing back", self.missing),
                ("swaps repaired", self.swapped),
                ("good spoilt", self.good),
            )
        }


def compare(video: Video, refined: list, joints: Joints) -> None:
    """Follow the network's joints through the refiner."""
    for t, persons in enumerate(video.truth):
        after = {person.source: person.keypoints for person in refined[t] if person.source is not None}
        for person, index in matched(persons, video.poses[t]):
            true, before = person.keypoints.astype(float), video.poses[t][index]
            now = after.get(index, np.zeros_like(before))
            reach = GOOD * head_sizes(true)
            for m in np.flatnonzero(true[:, 2] > 0):
                was, is_ = (_near(pose[m], true[m], reach) for pose in (before, now))
                if before[m, 2] <= 0:
                    joints.missing.append(is_)
                elif was:
                    joints.good.append(not is_)
                elif true[MIRRORED[m], 2] > 0 and _near(before[m], true[MIRRORED[m]], reach) and MIRRORED[m] != m:
                    joints.swapped.append(is_)


def _near(joint: np.ndarray, true: np.ndarray, reach: float) -> bool:
    return bool(joint[2] > 0 and np.linalg.norm(joint[:2] - true[:2]) <= reach)


def matched(persons: Sequence[Person], poses: np.ndarray) -> list[tuple[Person, int]]:
    """Annotated persons and the poses that are theirs, greedily by OKS."""
    similarity = np.zeros((len(persons), len(poses)))
    for i, person in enumerate(persons):
        labelled = person.keypoints[:, 2] > 0
        if labelled.any():
            squared = ((poses[:, labelled, :2] - person.keypoints[labelled, :2]) ** 2).sum(-1)
            oks = np.exp(-squared / (2 * max(person.area, 1) * (2 * SIGMAS[labelled]) ** 2)) * (
                poses[:, labelled, 2] > 0
            )
            there = (poses[:, labelled, 2] > 0).sum(1)
            similarity[i] = oks.sum(1) / np.maximum(there, 1) * (there >= 4)
    pairs = []
    while similarity.size and similarity.max() >= 0.3:
        i, j = np.unravel_index(similarity.argmax(), similarity.shape)
        pairs.append((persons[i], int(j)))
        similarity[i], similarity[:, j] = 0, 0
    return pairs


def refined_by(videos: Sequence[Video], settings: dict, extractors: dict[str, nn.Module]) -> list[list]:
    """Persons of every clip and frame."""
    options = dict(settings)
    passes = options.pop("passes", 1)
    refiner = GraphPoseRefiner(extractors.get(options.pop("extractor", None)), **options)
    result = []
    for video in videos:
        persons = refiner(video.images, video.poses, video.motion)
        for _ in range(passes - 1):
            again = refiner(video.images, [poses_of(frame) for frame in persons], video.motion)
            persons = [
                [_traced(person, frame) for person in frame_again]
                for frame, frame_again in zip(persons, again, strict=True)
            ]
        result.append(persons)
    return result


def _traced(person, before: list):
    """A person of a second pass with its source among the network's poses."""
    return person if person.source is None else replace(person, source=before[person.source].source)


def poses_of(persons: Sequence) -> np.ndarray:
    return np.stack([person.keypoints for person in persons]) if persons else np.zeros((0, 17, 3))


def predictor_of(config: Config, checkpoint: str) -> PoseEstimatorPredictor:
    """The network of a config, with the resizing of its test pipeline."""
    init_default_scope(config.get("default_scope", "mmselfhuman"))
    model = MODELS.build(config.model)
    load_checkpoint(model, checkpoint, map_location="cpu")
    kept = ("BottomupResize", "GetBBoxCenterScale", "TopdownAffine")
    pipeline = [step for step in config.test_pipeline if step["type"].split(".")[-1] in kept]
    return PoseEstimatorPredictor(model, [TRANSFORMS.build({"_scope_": "mmpose", **step}) for step in pipeline])


def own_backbone(config: Config, model: nn.Module) -> BackboneJointFeatures:
    """The network's backbone as an extractor, its finest features; the network sees RGB, an extractor BGR."""
    preprocessor = config.model.data_preprocessor
    features = BackboneJointFeatures(
        config.model.backbone, -1, tuple(preprocessor.mean[::-1]), tuple(preprocessor.std[::-1])
    )
    features.backbone.load_state_dict(model.backbone.state_dict())
    first = next(layer for layer in features.modules() if isinstance(layer, nn.Conv2d))
    first.weight.data = first.weight.data.flip(1)
    return features.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("checkpoints", nargs="+", help="one, or one for each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--videos", type=int, default=24)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    config = load_config(args.config)
    checkpoints = args.checkpoints * (len(args.seeds) if len(args.checkpoints) == 1 else 1)
    rows: dict[str, list] = {"the network": [], **{name: [] for name in args.settings}}
    for seed, checkpoint in zip(args.seeds, checkpoints, strict=True):
        predictor = predictor_of(config, checkpoint)
        extractors = {
            "fourteen convolutions": FourteenConvolutions().eval(),
            "the network's backbone": own_backbone(config, predictor.model),
        }
        videos = videos_of(seed, args.videos, args.frames, predictor)
        truth = ground_truth(videos)
        rows["the network"].append((average_precision(truth, [video.poses for video in videos]), {}))
        for name in args.settings:
            refined, joints = refined_by(videos, SETTINGS[name], extractors), Joints()
            for video, persons in zip(videos, refined, strict=True):
                compare(video, persons, joints)
            ap = average_precision(truth, [[poses_of(frame) for frame in clip] for clip in refined])
            rows[name].append((ap, joints.percent()))
            print(f"seed {seed}, {name}: {rows['the network'][-1][0]:.2f} -> {ap:.2f} {joints.percent()}", flush=True)
    print(table(rows, args.seeds))


def table(rows: dict[str, list], seeds: Sequence[int]) -> str:
    """Markdown."""
    outcomes = list(Joints().percent())
    heading = ["poses", *(f"AP, seed {seed}" for seed in seeds), "mean", "gain", *(f"{name}, %" for name in outcomes)]
    lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading)]
    base = np.mean([ap for ap, _ in rows["the network"]])
    for name, results in rows.items():
        aps = [ap for ap, _ in results]
        shares = [
            f"{np.mean([outcome[key] for _, outcome in results]):.1f}" if results[0][1] else "-" for key in outcomes
        ]
        cells = [name, *(f"{ap:.2f}" for ap in aps), f"{np.mean(aps):.2f}", f"{np.mean(aps) - base:+.2f}", *shares]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
