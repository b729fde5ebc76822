"""How fast the parts are beside their named peers: all of these benchmarks in one run.

    python tools/benchmarks/peers.py [--threads 1] [--only metrics graph_solver]

Runs one after the other, each in a process of its own, so that none finds the memory of another, and prints what they
print. Each measures both sides in turns and tells the ratio.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SEG = str(FOLDER.parents[1] / "configs" / "seg" / "seg-small_1xb16-1k_synthetic-128x128.py")
PEERS: dict[str, tuple[str, list[str]]] = {
    "metrics": ("pycocotools: average precision of 5,000 images x 20 detections", ["--repeats", "1"]),
    "graph_solver": ("POT: partial fused Gromov-Wasserstein matching", ["--threads", "{threads}"]),
    "tpr_speed": (
        "TPR frame by frame: TPR of a clip",
        ["--frames", "16", "--memory", "--threads", "{threads}"],
    ),
    "label_making": ("network and flow alone: making labels", [SEG, "--threads", "{threads}"]),
    "training_throughput": (
        "mmseg's own dataset: training with PseudoLabelDataset",
        [SEG, "--threads", "{threads}", "--steps", "20", "--repeats", "10"],
    ),
    "start_up": ("import mmengine: import mmselfhuman; --help of the tools", ["--repeats", "2"]),
}


def main() -> int:
    """Run them; the exit status is that of the first that failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=list(PEERS), default=list(PEERS))
    arguments = parser.parse_args()
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    status = 0
    for name in arguments.only:
        peer, options = PEERS[name]
        start = time.monotonic()
        print(f"## {peer}\n", flush=True)
        command = [sys.executable, str(FOLDER / f"{name}.py"), *(o.format(threads=arguments.threads) for o in options)]
        ended = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True)
        if ended.returncode:
            print(ended.stderr, file=sys.stderr)
            status = status or ended.returncode
        print(f"\n{name}.py: {time.monotonic() - start:.0f} s\n", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
