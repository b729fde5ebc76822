"""Masks of synthetic people from their poses: by the Seg Module alone, by Pose2Seg, and fused, against exact truth.

Prints Markdown: mask AP over the persons of the target domain, AP_M and AP_H by their MaxIoU, for each way to make
masks from the same poses. Each way has its masks' scores fitted on labelled persons of the source domain that nobody
was trained on.

    python tools/benchmarks/pose2seg_synthetic.py --seg CONFIG CHECKPOINT --pose2seg CONFIG CHECKPOINT \\
        [--pose CONFIG CHECKPOINT --poses annotated detected]
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from mmselfhuman.datasets import PersonPose2SegDataset, SyntheticPeople
from mmselfhuman.datasets.transforms import PoseNoise
from mmselfhuman.evaluation import OCHumanMetric
from mmselfhuman.models.detectors import FramePoses, MaskScore, distinct_masks, fit_mask_score, matched_ious
from mmselfhuman.models.detectors.checkpoints import load_parts
from mmselfhuman.models.detectors.compose import compose_detector
from mmselfhuman.models.pose2seg import PersonFusion, Window, paste_windows, person_regions, window_to_rle
from mmselfhuman.registry import MODELS

COLUMNS = ("AP", "AP50", "AP75", "AP_M", "AP_H", "AR")
BATCH = 32
FITTING_SEED = 1000  # of labelled images of the source domain, other than those of the training


@dataclass(eq=False)
class Frame:
    """An image, its poses, and what both networks say about it.

    Attributes:
        poses: In pixels of the image.
        seg: ``(2, H, W)`` logits.
        windows: Pose2Seg's logits of each person.
        truth: RLEs of the persons' masks.
    """

    file_name: str
    poses: FramePoses
    seg: Tensor
    windows: list[Window]
    truth: list[dict]

    @property
    def size(self) -> tuple[int, int]:
        return tuple(self.seg.shape[-2:])


Masks = list[tuple[Window, float]]


def cut_by_boxes(frame: Frame) -> Masks:
    """The Seg Module's mask in the box of each person's joints, a tenth larger; the nearest there is to an instance."""
    boxes = person_regions(frame.poses.keypoints, frame.size, context=1.1, min_side=1.0)
    ones = frame.seg.new_zeros((len(boxes), 2, 1, 1))
    fusion = PersonFusion(pose2seg_weight=0.0)
    return [(p.window, p.score) for p in fusion(paste_windows(ones, boxes, frame.size), frame.size, frame.seg)]


def fused(mode: str, seg_weight: float = 1.0) -> Callable[[Frame], Masks]:
    """Masks by eq. (10); without the Seg Module if its weight is 0."""
    fusion = PersonFusion(mode, seg_weight=seg_weight)
    return lambda frame: [(p.window, p.score) for p in fusion(frame.windows, frame.size, frame.seg)]


ROWS: dict[str, Callable[[Frame], Masks]] = {
    "Seg, cut by boxes of joints": cut_by_boxes,
    "Pose2Seg, independent": fused("independent", 0.0),
    "Pose2Seg, exclusive": fused("exclusive", 0.0),
    "fused, independent (the paper)": fused("independent"),
    "fused, exclusive": fused("exclusive"),
    "fused, Seg's weight 0.5, exclusive": fused("exclusive", 0.5),
    "fused, Seg's weight 0.25, exclusive": fused("exclusive", 0.25),
}
NOISE = {
    "annotated": None,
    "annotated, visibility not told": PoseNoise(0, 0, 0, 0, 0, 0, forget_visibility=1),
    "noisy": PoseNoise(miss_others=0),
}
DETECTED = "detected"


def annotated(source: SyntheticPeople, noise: PoseNoise | None) -> Iterator[FramePoses]:
    """The poses of every image, of persons whose mask is annotated."""
    entries: dict[int, list[dict]] = {}
    dataset = PersonPose2SegDataset(source, test_mode=True)
    for index in range(len(dataset)):
        entry = dataset.get_data_info(index)
        entries.setdefault(entry["source_index"], []).append(entry)
    for index in range(len(source)):
        if index not in entries:
            yield FramePoses(torch.zeros(0, 17, 3), torch.zeros(0))
            continue
        shown = entries[index][0] if noise is None else noise(entries[index][0])
        poses, visibility = torch.from_numpy(shown["poses"]), torch.from_numpy(shown["visibility"])
        persons = [one["person"] for one in entries[index] if poses[one["person"], :, 2].any()]
        # Everybody is drawn, and those without a mask come last.
        others = [number for number in range(len(poses)) if number not in persons]
        order = torch.tensor(persons + others)
        yield FramePoses(poses[order], (torch.arange(len(order)) < len(persons)).float(), visibility[order])


@torch.no_grad()
def predict(detector: nn.Module, source: SyntheticPeople, kind: str) -> list[Frame]:
    """What all networks say about every image."""
    given = None if kind == DETECTED else annotated(source, NOISE[kind])
    frames = []
    for start in range(0, len(source), BATCH):
        indices = range(len(source))[start : start + BATCH]
        images = [torch.from_numpy(source.image(index)).permute(2, 0, 1) for index in indices]
        found = detector.poses(images) if given is None else [next(given) for _ in indices]
        for index, image, poses, seg in zip(indices, images, found, detector.seg_logits(images), strict=True):
            poses = detector.candidates(poses) if given is None else poses
            logits, regions = detector.pose2seg(image, poses.keypoints, poses.visibility)
            wanted = poses.scores > 0
            windows = list(paste_windows(logits[wanted], regions[wanted], tuple(seg.shape[-2:])))
            truth = [person.mask for person in source[index].persons if person.mask is not None]
            frames.append(Frame(source[index].file_name, poses[wanted], seg, windows, truth))
    return frames


def found_masks(frame: Frame, row: str, same_mask: float) -> tuple[list[dict], Tensor, Tensor]:
    """RLEs of the masks, without those of one person twice, with the scores of their poses and of their pixels."""
    masks = [(number, *one) for number, one in enumerate(ROWS[row](frame)) if one[1] > 0]
    rles = [window_to_rle(window, frame.size) for _, window, _ in masks]
    pixels = torch.tensor([score for *_, score in masks])
    poses = frame.poses.scores[[number for number, *_ in masks]]
    kept = distinct_masks(rles, MaskScore()(poses, pixels), same_mask)
    return [rles[number] for number in kept.tolist()], poses[kept], pixels[kept]


def fitted(frames: list[Frame], row: str, same_mask: float) -> MaskScore:
    """The score of a way to make masks, from frames of labelled data."""
    found = [(frame.truth, *found_masks(frame, row, same_mask)) for frame in frames]
    ious = np.concatenate([matched_ious(masks, truth) for truth, masks, *_ in found])
    poses, pixels = (torch.cat(list(column)).numpy() for column in zip(*((p, m) for *_, p, m in found), strict=True))
    return fit_mask_score(poses, pixels, ious)


def measure(
    frames: list[Frame], metric: OCHumanMetric, row: str, score: MaskScore, same_mask: float
) -> dict[str, float]:
    results = []
    for frame in frames:
        masks, *scores = found_masks(frame, row, same_mask)
        results += [
            {"file_name": frame.file_name, "score": float(value), "segmentation": mask}
            for mask, value in zip(masks, score(*scores), strict=True)
        ]
    return metric.score({"segm": results}).values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for part in ("seg", "pose2seg", "pose"):
        parser.add_argument(f"--{part}", nargs=2, metavar=("CONFIG", "CHECKPOINT"), required=part != "pose")
    parser.add_argument("--poses", nargs="+", choices=[*NOISE, DETECTED], default=["annotated"])
    parser.add_argument("--split", default="target_test", help="of the synthetic people")
    parser.add_argument("--num-images", type=int)
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic people that are tested on")
    parser.add_argument("--fit", type=int, default=100, metavar="N", help="images to fit the scores of masks on")
    parser.add_argument("--rows", nargs="*", default=list(ROWS), help="ways, by the start of their name")
    arguments = parser.parse_args()
    if DETECTED in arguments.poses and arguments.pose is None:
        parser.error("detected poses need --pose CONFIG CHECKPOINT")
    start = time.time()
    parts = {part: given for part in ("seg", "pose2seg", "pose") if (given := getattr(arguments, part))}
    init_default_scope("mmselfhuman")
    other = {} if "pose" in parts else {"pose": {"type": "AnnotatedPoses"}}
    detector = MODELS.build(compose_detector({part: config for part, (config, _) in parts.items()}, **other)).eval()
    load_parts(detector, {part: checkpoint for part, (_, checkpoint) in parts.items()})
    source = SyntheticPeople(arguments.split, num_images=arguments.num_images, seed=arguments.seed)
    labelled = SyntheticPeople("source_train", num_images=arguments.fit, seed=FITTING_SEED)
    metric = OCHumanMetric(source=source, variant="synthetic")
    print("| poses | masks | " + " | ".join(COLUMNS) + " |\n|---|---|" + "---|" * len(COLUMNS))
    for poses in arguments.poses:
        # Whoever is annotated counts, however alike two are.
        same_mask = detector.same_mask if poses == DETECTED else 2.0
        np.random.seed(0)  # noqa: NPY002 (what transforms draw from)
        tested, fitting = (predict(detector, images, poses) for images in (source, labelled))
        for row in ROWS:
            if any(row.startswith(name) for name in arguments.rows):
                score = fitted(fitting, row, same_mask)
                values = measure(tested, metric, row, score, same_mask)
                cells = " | ".join(f"{100 * values[f'segm_{column}']:.1f}" for column in COLUMNS)
                print(f"| {poses} | {row} | {cells} |", flush=True)
    print(f"\n{time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
