"""How fast synthetic people are rendered with their labels, on one core: python tools/benchmarks/synthetic_people.py

Counts processor time, so that other work on the machine does not disturb it. Stills need a new scene each; frames of a
video share theirs. Masks, joints, boxes and RLE are included, flow is asked for apart.
"""

import argparse
import time
from collections.abc import Callable

import cv2

from mmselfhuman.datasets.synthetic import SyntheticPeople, SyntheticVideoFrames, SyntheticVideos


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, default=(128, 128), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--frames", type=int, default=192, help="frames of each kind")
    return parser.parse_args()


def rate(frames: int, work: Callable[[int], object]) -> float:
    """Frames per second of processor time; a first call warms the shared shapes up."""
    work(0)
    start = time.process_time()
    for index in range(1, frames):
        work(index)
    return (frames - 1) / (time.process_time() - start)


def main() -> None:
    args = parse_args()
    cv2.setNumThreads(1)
    size = tuple(args.size)
    for split in ("source_train", "source_test", "target_test"):
        stills = SyntheticPeople(split, args.frames, size)
        print(f"{split:14} {rate(args.frames, lambda index, stills=stills: stills[index]):7.0f} images/s with labels")
    frames = SyntheticVideoFrames("target", -(-args.frames // 32), 32, size)
    both = rate(args.frames, lambda index: (frames.image(index), frames[index]))
    print(f"target videos  {both:7.0f} frames/s with labels")
    videos = SyntheticVideos("target", -(-args.frames // 32), 32, size)
    flow = rate(args.frames // 8, lambda index: videos[index // 32].flow(index % 31, index % 31 + 1))
    print(f"flow           {flow:7.0f} fields/s with occlusion")


if __name__ == "__main__":
    main()
