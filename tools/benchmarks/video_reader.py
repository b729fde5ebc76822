"""How fast videos are read, and in how much memory: python tools/benchmarks/video_reader.py [VIDEO ...]

Speed: iterating our clip against a bare OpenCV loop over the same file, in turns, the best of several runs each.
    Finding
and checking a file happens once, before it is iterated, and is timed apart. Memory: the peak of a fresh process that
reads a 200-frame and a 2,000-frame video in windows.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mmselfhuman.datasets.video import UnlabelledVideos
from mmselfhuman.structures import Clip, sliding_windows
from mmselfhuman.visualization import write_video

LENGTHS = 200, 2000
WINDOW = 5


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the reading of videos.")
    parser.add_argument("videos", nargs="*", type=Path, help="video files (default: one written for the purpose)")
    parser.add_argument("--repeats", type=int, default=7, help="runs per reader, of which the fastest counts")
    parser.add_argument("--peak-memory-of", type=Path, metavar="VIDEO", help=argparse.SUPPRESS)
    return parser.parse_args()


def write_sample(path: Path, frames: int, size: tuple[int, int] = (640, 360)) -> Path:
    """A video with texture and motion, so that decoding costs what it costs in real ones."""
    noise = np.random.default_rng(0).integers(0, 255, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    texture = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    write_video(path, (np.roll(texture, 3 * t, axis=1) for t in range(frames)), fps=25)
    return path


def read_bare(path: Path) -> int:
    """The loop that every OpenCV user writes; tells the number of frames."""
    capture = cv2.VideoCapture(str(path))
    count = 0
    while True:
        read, _ = capture.read()
        if not read:
            break
        count += 1
    capture.release()
    return count


def read_clip(clip: Clip) -> int:
    """Tells the number of frames."""
    return sum(1 for _ in clip)


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def report_speed(path: Path, repeats: int) -> None:
    (clip,) = UnlabelledVideos(path)
    frames = read_bare(path)
    # They take turns, so that a busy moment of the machine hits both.
    runs = [(seconds(lambda: read_bare(path)), seconds(lambda: read_clip(clip))) for _ in range(repeats)]
    bare, ours = (min(times) for times in zip(*runs, strict=True))
    opening = min(seconds(lambda: UnlabelledVideos(path)) for _ in range(repeats))
    print(f"{path.name}: {frames} frames, found and checked in {1000 * opening:.1f} ms")
    print(f"  OpenCV {frames / bare:.0f} frames/s, ours {frames / ours:.0f} frames/s: {bare / ours:.2f} times as fast")


def report_memory(paths: list[Path]) -> None:
    for what in ("arrays", "process"):
        short, long = (peak_memory(path)[what] for path in paths)
        print(
            f"peak memory of the {what}, windows of {WINDOW}: {LENGTHS[0]} frames {short:.2f} MiB, "
            f"{LENGTHS[1]} frames {long:.2f} MiB: {long / short:.3f} times as much"
        )


def peak_memory(path: Path) -> dict[str, float]:
    """What :func:`read_in_windows` tells, in a fresh process."""
    command = [sys.executable, __file__, "--peak-memory-of", str(path)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def read_in_windows(path: Path) -> dict[str, float]:
    """Read a video in windows.

    Returns:
        In MiB, the peak of what Python and NumPy hold for it, and of the whole process (torch included, which the
        registries import).
    """
    tracemalloc.start()
    (clip,) = UnlabelledVideos(path)
    for _ in sliding_windows(clip, WINDOW):
        pass
    _, arrays = tracemalloc.get_traced_memory()
    unit = 1 if sys.platform == "darwin" else 1024
    return {"arrays": arrays / 2**20, "process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20}


def main() -> None:
    args = parse_args()
    if args.peak_memory_of:
        print(json.dumps(read_in_windows(args.peak_memory_of)))
        return
    with tempfile.TemporaryDirectory() as folder:
        samples = [write_sample(Path(folder) / f"{frames}.mp4", frames) for frames in LENGTHS]
        for path in args.videos or samples[1:]:
            report_speed(path, args.repeats)
        report_memory(samples)


if __name__ == "__main__":
    main()
