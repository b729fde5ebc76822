"""Masks that a detector of MMDetection finds in videos, as PNG files that the self-training can begin from.

python projects/detector_round0/masks_of_detector.py CONFIG CHECKPOINT OUT --videos data/videos/
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from mmdet.apis import inference_detector, init_detector
from torch import nn

from mmselfhuman.datasets import UnlabelledVideos
from mmselfhuman.structures import Clip


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="of MMDetection: any instance segmenter")
    parser.add_argument("checkpoint")
    parser.add_argument("out", type=Path, help="folder of the masks: OUT/<clip>/<frame>.png, 0 and 255")
    parser.add_argument("--videos", nargs="+", required=True, help="video files, frame folders, or folders of them")
    parser.add_argument("--person", type=int, default=0, help="the detector's class of persons")
    parser.add_argument("--score", type=float, default=0.5, help="the least score of a mask that counts")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def write_masks(model: nn.Module, clips: Iterable[Clip], out: Path, person: int, score: float) -> int:
    """Write the union of all persons' masks of every frame.

    Args:
        model: An instance segmenter with the config that ``init_detector`` gives it.
        clips: The videos.
        out: Where to.
        person: Its class of persons.
        score: The least score of a mask that counts, in [0, 1].

    Returns:
        How many frames there were.
    """
    frames = 0
    for clip in clips:
        (out / clip.name).mkdir(parents=True, exist_ok=True)
        for frame in clip:
            found = inference_detector(model, frame.image).pred_instances
            masks = found.masks[(found.labels == person) & (found.scores >= score)]
            union = masks.any(dim=0).cpu().numpy().astype(np.uint8) * 255
            cv2.imwrite(str(out / clip.name / f"{frame.index:08d}.png"), union)
            frames += 1
    return frames


def main() -> None:
    args = parse_args()
    model = init_detector(args.config, args.checkpoint, device=args.device)
    frames = write_masks(model, UnlabelledVideos(args.videos), args.out, args.person, args.score)
    print(f"masks of {frames} frames are in {args.out}")


if __name__ == "__main__":
    main()
