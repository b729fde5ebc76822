"""How long one waits before anything happens: imports, and ``--help`` of the tools, each in processes of their own.

python tools/benchmarks/start_up.py --repeats 5
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="the fastest counts, so that files are read from memory")
    return parser.parse_args()


def fastest(command: list[str], repeats: int) -> float:
    """Seconds that a process takes from its start to its end."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    args = parse_args()
    python = fastest(["-c", "pass"], args.repeats)
    mmengine = fastest(["-c", "import mmengine"], args.repeats)
    ours = fastest(["-c", "import mmengine, mmselfhuman"], args.repeats)
    print(f"{'import mmengine':40} {mmengine - python:6.2f} s beyond Python's own {python:.2f} s")
    print(f"{'import mmselfhuman':40} {ours - mmengine:6.2f} s beyond mmengine")
    for script in sorted(TOOLS.rglob("*.py")):
        if "benchmarks" not in script.parts:
            seconds = fastest([str(script), "--help"], args.repeats)
            name = f"{script.relative_to(TOOLS.parent)} --help"
            print(f"{name:40} {seconds:6.2f} s, {seconds / mmengine:.1f} times `import mmengine`")


if __name__ == "__main__":
    main()
