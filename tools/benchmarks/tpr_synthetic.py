"""What TPR does to a network's masks, and to the flow, on target videos of synthetic people, against exact truth.

Prints Markdown: the end-point error of flow before and after refinement, then the person IoU of the network's masks and
of the refined ones under several settings, for every seed of the videos. All settings are the defaults of
:class:`~mmselfhuman.models.tpr.TemporalParsingRefiner` but for the one that a row names.

    python tools/benchmarks/tpr_synthetic.py CONFIG CHECKPOINT [--seeds 0 1 2] [--rows default window ...]
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch
from known_flow import FlowPair, KnownFlow, flow_between
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmseg.structures import SegDataSample
from torch import Tensor

from mmselfhuman.datasets.synthetic import SyntheticClip, SyntheticVideos
from mmselfhuman.evaluation.video_flow import mean_end_point_error
from mmselfhuman.models.flow import DISFlow
from mmselfhuman.models.tpr import FlowRefinement, TemporalParsingRefiner, predicted_labels, unreliable_vectors
from mmselfhuman.registry import MODELS

BATCH = 16
PAPER = {"trust": None, "reliability": None, "balance": False, "anchor": 0.0}
ROWS: dict[str, dict] = {
    "default (window 3, 5 rounds)": {},
    "1 round": {"rounds": 1},
    "3 rounds": {"rounds": 3},
    "window 2": {"window": 2},
    "window 5": {"window": 5},
    "negated flow": {"backward": "negate"},
    "plain sum": {"trust": None},
    "no re-search": {"search": None},
    "no reliability": {"reliability": None},
    "votes not balanced": {"balance": False},
    "not anchored": {"anchor": 0.0},
    "the paper's sum (no trust, reliability, balance or anchor)": PAPER,
    "the same, negated flow": {**PAPER, "backward": "negate"},
}


@dataclass(eq=False)
class Predicted:
    """A clip, what a network says about it, and its flow."""

    clip: SyntheticClip
    images: list[Tensor]  # (3, H, W) uint8
    logits: list[Tensor]  # (2, H, W)
    truth: list[np.ndarray]  # (H, W) bool
    flow: list[FlowPair]


def predict(network: torch.nn.Module, clip: SyntheticClip) -> Predicted:
    """Run a segmentor over a clip."""
    images = [torch.from_numpy(frame.image).permute(2, 0, 1).contiguous() for frame in clip]
    logits: list[Tensor] = []
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        size = {"img_shape": batch[0].shape[1:], "ori_shape": batch[0].shape[1:]}
        with torch.no_grad():
            samples = network.test_step(
                {"inputs": batch, "data_samples": [SegDataSample(metainfo=size) for _ in batch]}
            )
        logits.extend(sample.seg_logits.data for sample in samples)
    truth = [clip.truth(index).owners >= 0 for index in range(len(images))]
    return Predicted(clip, images, logits, truth, flow_between(DISFlow(), images))


def flow_errors(predicted: Predicted) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Flow to the next frame as estimated and as refined, the truth, and which vectors are unreliable and hidden."""
    search, result = FlowRefinement(), []
    for index in range(len(predicted.images) - 1):
        images = [predicted.images[place][None] for place in (index, index + 1)]
        labels = [predicted_labels(predicted.logits[place][None]) for place in (index, index + 1)]
        forward, backward = (flow[None] for flow in predicted.flow[index])
        wrong = unreliable_vectors(forward, *labels)
        grey = [image.float().mean(1, keepdim=True) for image in images]
        refined = search(*grey, forward, backward, wrong)
        truth, hidden = predicted.clip.flow(index, index + 1)
        result.append((forward[0].numpy(), refined[0].numpy(), truth, wrong[0].numpy(), hidden))
    return result


def print_flow(sets: dict[int, list[Predicted]]) -> None:
    print("| seed | vectors unreliable | unreliable: DIS, refined | unreliable, not hidden | all others |")
    print("|---|---|---|---|---|")
    for seed, clips in sets.items():
        columns = zip(*(row for clip in clips for row in flow_errors(clip)), strict=True)
        estimated, refined, truth, wrong, hidden = (np.stack(column) for column in columns)
        cells = []
        for chosen in (wrong, wrong & ~hidden, ~wrong):
            before, after = (mean_end_point_error(f, truth, chosen)["unreliable"] for f in (estimated, refined))
            cells.append(f"{before:.3f}, {after:.3f}")
        print(f"| {seed} | {wrong.mean():.2%} | " + " | ".join(cells) + " |", flush=True)


def person_iou(masks: list[np.ndarray], truth: list[np.ndarray]) -> float:
    """Over all pixels of a set of frames, in percent."""
    masks, truth = np.stack(masks), np.stack(truth)
    return 100 * (masks & truth).sum() / (masks | truth).sum()


def print_masks(sets: dict[int, list[Predicted]], rows: list[str]) -> None:
    print("| settings | " + " | ".join(f"seed {seed}" for seed in sets) + " | mean | mean gain |")
    print("|---|" + "---|" * (len(sets) + 2))
    own: list[float] = []
    for row in ("the network's own", *rows):
        scores = []
        for clips in sets.values():
            masks = [mask for clip in clips for mask in _masks(clip, row)]
            scores.append(person_iou(masks, [truth for clip in clips for truth in clip.truth]))
        own = own or scores
        cells = " | ".join(f"{score:.2f}" for score in (*scores, np.mean(scores)))
        print(f"| {row} | {cells} | {np.mean(scores) - np.mean(own):+.2f} |", flush=True)


def _masks(predicted: Predicted, row: str) -> list[np.ndarray]:
    logits = predicted.logits
    if row in ROWS:
        refiner = TemporalParsingRefiner(KnownFlow(predicted.flow), **ROWS[row])
        logits = [frame.logits for frame in refiner(zip(predicted.images, logits, strict=True))]
    return [predicted_labels(frame[None])[0].numpy() > 0 for frame in logits]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("config", help="of a segmentor whose class 1 is the person")
    parser.add_argument("checkpoint")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the videos")
    parser.add_argument("--num-videos", type=int, default=12)
    parser.add_argument("--num-frames", type=int, default=32)
    parser.add_argument("--rows", nargs="*", default=list(ROWS), help="settings, by the start of their name")
    arguments = parser.parse_args()
    start = time.time()
    config = Config.fromfile(arguments.config)
    init_default_scope(config.get("default_scope", "mmselfhuman"))
    network = MODELS.build(config.model).eval()
    load_checkpoint(network, arguments.checkpoint, map_location="cpu")
    sets = {
        seed: [predict(network, clip) for clip in SyntheticVideos(
            "target", num_videos=arguments.num_videos, num_frames=arguments.num_frames, seed=seed)]
        for seed in arguments.seeds
    }  # fmt: skip
    print_flow(sets)
    print()
    print_masks(sets, [row for row in ROWS if any(row.startswith(name) for name in arguments.rows)])
    print(f"\n{time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
