"""What TPR costs beside the flow it works on, and whether its memory grows with the clip.

Takes frames of 854 x 480 and OSVOS masks from ``davis_people`` in the folder of real data. Prints, as Markdown, the
time per frame of DIS (medium, both directions) and of TPR's parts in the same process; of the clip as a stream against
the same for each frame's surroundings alone (as many frames to both sides as there are rounds), flow included, which
gives the same masks; then the peak memory of processes that refine clips of different lengths.

    python tools/benchmarks/tpr_speed.py [--data FOLDER] [--frames 24] [--threads 2]
"""

import argparse
import multiprocessing
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mmselfhuman.models.flow import DISFlow
from mmselfhuman.models.flow.interface import FlowEstimator
from mmselfhuman.models.tpr import TemporalParsingRefiner, logits_from_labels

SEQUENCE = "parkour"
REPEATS = 3
PARTS: dict[str, dict] = {
    "mask refinement, plain sum": {"rounds": 1, "trust": None, "search": None, "reliability": None},
    "mask refinement with trust": {"rounds": 1, "search": None, "reliability": None},
    "flow and mask refinement, 1 round": {"rounds": 1, "reliability": None},
    "the same and rating of frames": {"rounds": 1},
    "default: 5 rounds and rating of frames": {},
}


class Timed(FlowEstimator):
    """An estimator that keeps its results, and the time they took."""

    def __init__(self) -> None:
        super().__init__()
        self.estimator, self.seconds, self.results, self.asked = DISFlow(), 0.0, [], 0

    def estimate(self, src: Tensor, dst: Tensor) -> Tensor:
        if self.asked == len(self.results):
            start = time.perf_counter()
            self.results.append(self.estimator(src, dst))
            self.seconds += time.perf_counter() - start
        self.asked += 1
        return self.results[self.asked - 1]


def frames(folder: Path, length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Frames and logits, read one at a time; the sequence runs to and fro if it is too short."""
    names = sorted(path.stem for path in (folder / "Annotations" / SEQUENCE).glob("*.png"))
    if not names:
        raise FileNotFoundError(f"no annotated frames of {SEQUENCE} in {folder}: give --data or set MMSELFHUMAN_DATA")
    names += names[-2:0:-1]
    for index in range(length):
        name = names[index % len(names)]
        image = cv2.imread(str(folder / "JPEGImages" / SEQUENCE / f"{name}.jpg"))
        mask = np.array(Image.open(folder / "predictions" / "osvos" / SEQUENCE / f"{name}.png")) > 0
        labels = torch.from_numpy(mask.astype(np.int64))[None]
        yield torch.from_numpy(image).permute(2, 0, 1).contiguous(), logits_from_labels(labels, 2)[0]


def print_times(folder: Path, length: int) -> None:
    clip = list(frames(folder, length))
    estimator = Timed()
    list(TemporalParsingRefiner(estimator, rounds=1)(clip))
    flow = 1000 * estimator.seconds / (length - 1)
    print("| per frame of 854 x 480 | ms | share of DIS |\n|---|---|---|")
    print(f"| DIS medium, both directions | {flow:.1f} | 1 |", flush=True)
    for name, settings in PARTS.items():
        times = []
        for _ in range(REPEATS):
            estimator.asked = 0
            start = time.perf_counter()
            for _ in TemporalParsingRefiner(estimator, **settings)(clip):
                pass
            times.append(1000 * (time.perf_counter() - start) / length)
        print(f"| {name} | {min(times):.1f} | {min(times) / flow:.2f} |", flush=True)


def print_windows(folder: Path, length: int) -> None:
    clip = list(frames(folder, length))
    print("| rounds | as a stream, ms | each frame's surroundings alone, ms | times as fast |\n|---|---|---|---|")
    for rounds in (1, 5):
        refiner = TemporalParsingRefiner(DISFlow(), rounds=rounds, reliability=None)
        start = time.perf_counter()
        stream = [frame.logits for frame in refiner(clip)]
        middle = time.perf_counter()
        alone = [_refined_alone(refiner, clip, index) for index in range(length)]
        once, each = (1000 * seconds / length for seconds in (middle - start, time.perf_counter() - middle))
        if not all(torch.equal(first, second) for first, second in zip(stream, alone, strict=True)):
            raise SystemExit(f"{rounds} rounds: masks differ")
        print(f"| {rounds} | {once:.0f} | {each:.0f} | {each / once:.1f} |", flush=True)


def _refined_alone(refiner: TemporalParsingRefiner, clip: list[tuple[Tensor, Tensor]], index: int) -> Tensor:
    first = max(0, index - refiner.rounds)
    return list(refiner(clip[first : index + refiner.rounds + 1]))[index - first].logits


def peak_memory(folder: Path, length: int, threads: int, result: multiprocessing.Queue) -> None:
    """Refine a clip of this length in a process of its own; put its peak resident size in MiB."""
    _set_threads(threads)
    for _ in TemporalParsingRefiner(DISFlow("ultrafast"))(frames(folder, length)):
        pass
    result.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def print_memory(folder: Path, lengths: list[int], threads: int) -> None:
    context = multiprocessing.get_context("spawn")
    print("| frames in the clip | peak memory, MiB |\n|---|---|")
    for length in lengths:
        queue = context.Queue()
        process = context.Process(target=peak_memory, args=(folder, length, threads, queue))
        process.start()
        print(f"| {length} | {queue.get():.0f} |", flush=True)
        process.join()


def _set_threads(number: int) -> None:
    torch.set_num_threads(number)
    cv2.setNumThreads(number)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    default = Path(os.environ.get("MMSELFHUMAN_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default, help="the folder of real data")
    parser.add_argument("--frames", type=int, default=24, help="of the clip that is timed")
    parser.add_argument("--memory", type=int, nargs="*", default=[40, 160], help="lengths of clips to weigh")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    _set_threads(arguments.threads)
    print_times(arguments.data / "davis_people", arguments.frames)
    print()
    print_windows(arguments.data / "davis_people", arguments.frames)
    if arguments.memory:
        print()
        print_memory(arguments.data / "davis_people", arguments.memory, arguments.threads)


if __name__ == "__main__":
    main()
