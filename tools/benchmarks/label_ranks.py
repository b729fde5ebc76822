"""How much faster two ranks label videos than one, and whether they write the same.

Runs ``tools/make_labels.py`` over the config's videos with one rank and with two, one thread each, in turns, and prints
Markdown: the fastest wall time of each, start of the processes included, and whether all files of the labels are equal.

    python tools/benchmarks/label_ranks.py CONFIG CHECKPOINT [--repeats 2] [--options KEY=VALUE ...]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RANKS = (1, 2)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}  # OpenCV, else, takes all cores for flow


def label(ranks: int, store: Path, arguments: argparse.Namespace) -> float:
    """Label all videos; returns seconds."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    command += [str(ROOT / "tools" / "make_labels.py"), arguments.config, arguments.checkpoint]
    command += ["--out", str(store), "--launcher", "pytorch", "--batch-size", str(arguments.batch_size)]
    if arguments.options:
        command += ["--cfg-options", *arguments.options]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **ONE_THREAD})
    return time.perf_counter() - start


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, by its path in the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("config", help="of a segmentor, with 'videos'")
    parser.add_argument("checkpoint")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--options", nargs="+", metavar="KEY=VALUE", help="override the config")
    arguments = parser.parse_args()
    times: dict[int, list[float]] = {ranks: [] for ranks in RANKS}
    written = []
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(arguments.repeats):
            for ranks in RANKS:
                store = Path(folder) / f"{ranks}-{repeat}"
                times[ranks].append(label(ranks, store, arguments))
                written.append(contents(store))
    one, two = (min(times[ranks]) for ranks in RANKS)
    print("| one rank, s | two ranks, s | times as fast | labels |\n|---|---|---|---|")
    same = "the same bytes" if all(each == written[0] for each in written) else "**different**"
    print(f"| {one:.1f} | {two:.1f} | {one / two:.2f} | {same}, {len(written[0])} files |")


if __name__ == "__main__":
    main()
