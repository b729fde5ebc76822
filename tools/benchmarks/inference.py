"""What the instance segmenter costs beside its three networks.

Part 1, videos: one call of ``SelfHumanInferencer`` per video that reads, segments, follows, draws and writes. Prints
where the time went, and the whole as a multiple of the three networks (each with the preparation of its input and the
decoding of its output).

Part 2, many persons: pasting, fusing and encoding 20 masks of a 1920 x 1080 frame as a multiple of one pass of Pose2Seg
for these persons.

    python tools/benchmarks/inference.py CONFIG --pose CHECKPOINT --seg CHECKPOINT --pose2seg CHECKPOINT \\
        [--videos FILE ...] [--temporal ids] [--max-frames 60] [--threads 2]
"""

import argparse
import tempfile
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import nn

from mmselfhuman.apis import SelfHumanInferencer
from mmselfhuman.models.pose2seg import PersonFusion, compact, paste_windows, window_to_rle

NETWORKS = ("pose", "seg", "pose2seg")
PERSONS, FRAME = 20, (1080, 1920)
REPEATS = 5


def videos(inferencer: SelfHumanInferencer, arguments: argparse.Namespace) -> None:
    print(f"| video | frames | size | frames/s | networks, ms/frame | whole / networks |\n|{'---|' * 6}")
    tables = []
    for path in arguments.videos:
        with tempfile.TemporaryDirectory() as folder:
            settings = {"temporal": arguments.temporal, "resize": arguments.resize}
            inferencer(path, max_frames=4, out_dir=folder, **settings)  # whatever only happens once
            start = time.perf_counter()
            found = inferencer(path, max_frames=arguments.max_frames, out_dir=folder, **settings)["predictions"]
            whole = time.perf_counter() - start
        seconds, frames = inferencer.stopwatch.seconds, inferencer.stopwatch.frames
        networks = sum(seconds[part] for part in NETWORKS)
        size = f"{found[0]['width']} x {found[0]['height']}"
        cells = f"{frames} | {size} | {frames / whole:.1f} | {1000 * networks / frames:.1f} | {whole / networks:.2f}"
        print(f"| {path.rsplit('/', 1)[-1]} | {cells} |", flush=True)
        tables.append(f"{path}\n{inferencer.stopwatch.table()}")
    print("\n" + "\n\n".join(tables))


def many_persons(detector: nn.Module) -> None:
    rng = np.random.default_rng(0)
    corners = rng.random((PERSONS, 1, 2)) * (FRAME[1] - 300, FRAME[0] - 500)
    points = corners + rng.random((PERSONS, 17, 2)) * (300, 500)
    poses = torch.from_numpy(np.concatenate([points, np.ones((PERSONS, 17, 1))], axis=-1)).float()
    image = torch.from_numpy(rng.integers(0, 256, (3, *FRAME), dtype=np.uint8))
    seg = torch.randn(2, *FRAME)
    with torch.no_grad():
        logits, regions = detector.pose2seg(image, poses)
        network = best(lambda: detector.pose2seg(image, poses))

        def masks(mode: str) -> None:
            for person in PersonFusion(mode)(paste_windows(compact(logits), regions, FRAME), FRAME, compact(seg)):
                window_to_rle(person.window, FRAME)

        for mode in ("independent", "exclusive"):
            taken = best(lambda mode=mode: masks(mode))
            print(
                f"{PERSONS} persons, {FRAME[1]} x {FRAME[0]}, {mode}: pasting, fusing and encoding {1000 * taken:.0f} "
                f"ms, Pose2Seg {1000 * network:.0f} ms, ratio {taken / network:.2f}"
            )


def best(action: Callable[[], object]) -> float:
    """Seconds of the fastest of some runs."""
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("config", help="of an instance segmenter")
    for part in NETWORKS:
        parser.add_argument(f"--{part}", metavar="CHECKPOINT", required=True)
    parser.add_argument("--videos", nargs="*", default=[])
    parser.add_argument("--temporal", default="ids", help="see SelfHumanInferencer")
    parser.add_argument("--max-frames", type=int, default=60)
    parser.add_argument("--resize", type=float, help="factor for the videos' frames")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    weights = {part: getattr(arguments, part) for part in NETWORKS}
    inferencer = SelfHumanInferencer(arguments.config, weights, device="cpu", show_progress=False)
    if arguments.videos:
        videos(inferencer, arguments)
    many_persons(inferencer.model)


if __name__ == "__main__":
    main()
