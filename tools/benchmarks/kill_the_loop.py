"""Does the loop of Algorithm 1 that is killed at random moments end like one that is not?

    python tools/benchmarks/kill_the_loop.py CONFIG [--kills 20] [--seed 0] [--folder FOLDER] [--options KEY=VALUE ...]

Runs ``tools/self_train.py`` twice: in peace, and killed (SIGKILL) and started again by the same command each time.
The moments are spread over the time of the peaceful run, so that long stages are killed often; each is a stage and how
long it had been at work. In turns the whole process group is killed, and the command alone, whose processes must then
end by themselves. Compares, byte by byte, all files of pseudo-labels and frames; the tensors of all networks that the
stages and the export have left; and the metrics and digests of all stages. Exits with 1 if anything differs.

With ``--folder``, what the peaceful run has left is kept there, and used again.
"""

import argparse
import bisect
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import torch
from kill_and_resume import tensors

from mmselfhuman.engine.self_training import Ledger

ROOT = Path(__file__).resolve().parents[2]
START_UP = "(start-up)"
_BEGUN = re.compile(r"\| stage \d+ of \d+: (\S+) \|")


class Run:
    """The command at work.

    Args:
        words: The command line.
        output: File that what it prints is appended to.

    Attributes:
        stages: Those it has begun, with the seconds since its start.
    """

    def __init__(self, words: Sequence[str], output: Path) -> None:
        self.stages: list[tuple[str, float]] = [(START_UP, 0.0)]
        self._start = time.monotonic()
        self._process = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self._reader = threading.Thread(target=self._read, args=(output,), daemon=True)
        self._reader.start()

    def _read(self, output: Path) -> None:
        with output.open("a") as file:
            for line in self._process.stdout:
                file.write(line)
                file.flush()
                found = _BEGUN.search(line)
                if found and found[1] != self.stages[-1][0]:
                    self.stages.append((found[1], self.seconds))

    @property
    def seconds(self) -> float:
        """Since its start."""
        return time.monotonic() - self._start

    @property
    def stage(self) -> tuple[str, float]:
        """Which is at work, and for how many seconds."""
        name, begun = self.stages[-1]
        return name, self.seconds - begun

    def reach(self, stage: str, seconds: float, order: Sequence[str]) -> bool:
        """Wait until a stage, or one after it in ``order``, is at work for so long; whether that came to pass."""
        while self._process.poll() is None:
            name, spent = self.stage
            if order.index(name) > order.index(stage) or (name == stage and spent >= seconds):
                return True
            time.sleep(0.01)
        return False

    def kill(self, group: bool) -> None:
        if group:
            os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()

    def end(self) -> int:
        """Wait for its end; returns its status."""
        status = self._process.wait()
        self._reader.join()
        return status


def moments(stages: Sequence[tuple[str, float]], end: float, count: int, seed: int) -> list[tuple[str, float]]:
    """Random moments of a run, one in each of ``count`` equal parts of it, as stages and seconds since they began.

    Args:
        stages: Their names, and when they began.
        end: When the last one ended.
        count: How many moments.
        seed: Of the moments.
    """
    draw, begun = random.Random(seed), [start for _, start in stages]
    chosen = []
    for part in range(count):
        moment = (part + draw.random()) * end / count
        place = bisect.bisect_right(begun, moment) - 1
        chosen.append((stages[place][0], moment - begun[place]))
    return chosen


def files(work: Path) -> dict[str, str]:
    """Digests of all files of pseudo-labels, of the loop and of its stages, and of the frames' pixels."""
    folders = [work / "frames", *work.glob("labels/rounds"), *work.glob("stages/*/pseudo_labels/rounds")]
    return {
        str(path.relative_to(work)): sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def networks(work: Path) -> dict[str, str]:
    """Digests of the tensors of all networks that are there."""
    found = {}
    for path in sorted([*work.glob("stages/*/weights.pth"), *work.glob("export/*.pth")]):
        content = torch.load(path, map_location="cpu", weights_only=False)["state_dict"]
        for name, tensor in tensors("", dict(content)):
            pixels = tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()
            found[f"{path.relative_to(work)}:{name}"] = sha256(
                f"{tensor.dtype} {tensor.shape}".encode() + pixels
            ).hexdigest()
    return found


def metrics(work: Path) -> dict[str, str]:
    """Of all stages, with the digests of what they have left."""
    ledger = Ledger(work)
    results = {name: ledger.result(name) for name in ledger.names()}
    return {name: json.dumps([result.digest, result.metrics], sort_keys=True) for name, result in results.items()}


def command(work: Path, arguments: argparse.Namespace) -> list[str]:
    options = ["--cfg-options", *arguments.options] if arguments.options else []
    return [
        sys.executable,
        str(ROOT / "tools" / "self_train.py"),
        arguments.config,
        *("--work-dir", str(work)),
        *options,
    ]


def peace(folder: Path, arguments: argparse.Namespace) -> tuple[list[tuple[str, float]], float]:
    """The run that nobody disturbs, or what is known of it; returns its stages and its seconds."""
    record = folder / "peace.json"
    if not record.is_file():
        run = Run(command(folder / "peace", arguments), folder / "peace.txt")
        if run.end():
            sys.exit(f"the loop failed, see {folder / 'peace.txt'}")
        record.write_text(json.dumps({"stages": run.stages, "seconds": run.seconds}))
    known = json.loads(record.read_text())
    return [(name, begun) for name, begun in known["stages"]], known["seconds"]


def disturbed(folder: Path, arguments: argparse.Namespace, stages: list[tuple[str, float]], end: float) -> float:
    """The run that is killed again and again; returns the seconds of all its lives."""
    work, output = folder / f"killed{arguments.seed}", folder / f"killed{arguments.seed}.txt"
    if work.exists():
        sys.exit(f"{work} is there already: delete it, or choose another --seed or --folder")
    order, fallen, total = [name for name, _ in stages], Counter(), 0.0
    for number, (stage, seconds) in enumerate(moments(stages, end, arguments.kills, arguments.seed), 1):
        run = Run(command(work, arguments), output)
        if not run.reach(stage, seconds, order):
            sys.exit(f"the loop ended before kill {number}, in {stage}, see {output}")
        run.kill(group := bool(number % 2))
        (name, spent), total = run.stage, total + run.seconds
        note = work / "stages" / name / "run" / "last_checkpoint"
        checkpoint = Path(note.read_text()).stem if note.is_file() else "no checkpoint"
        fallen[name] += 1
        victim = "all processes" if group else "the command"
        print(f"kill {number:2}: {victim:13} {spent:6.1f} s into {name:24} {checkpoint}", flush=True)
    run = Run(command(work, arguments), output)
    if run.end():
        sys.exit(f"the loop failed, see {output}")
    print("kills by stage: " + ", ".join(f"{name} {count}" for name, count in fallen.items()))
    return total + run.seconds


def compare(one: Path, other: Path) -> bool:
    """Print what is equal and what is not."""
    same = True
    for title, look in (("files of labels and frames", files), ("tensors", networks), ("stages' metrics", metrics)):
        expected, found = look(one), look(other)
        different = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        same &= not different and bool(expected)
        verdict = "equal" if not different else f"{len(different)} DIFFERENT: {', '.join(different[:5])}"
        print(f"{len(expected)} {title}: {verdict}")
    return same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("config", help="of the loop")
    parser.add_argument("--kills", type=int, default=20, help="how often")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--folder", type=Path, help="for both runs (default: one that is deleted)")
    parser.add_argument("--options", nargs="+", metavar="KEY=VALUE", help="override the config")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = (arguments.folder or Path(place)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        stages, seconds = peace(folder, arguments)
        print(f"in peace: {seconds:.0f} s", flush=True)
        spent = disturbed(folder, arguments, stages, seconds)
        print(f"killed {arguments.kills} times: {spent:.0f} s")
        same = compare(folder / "peace", folder / f"killed{arguments.seed}")
    sys.exit(not same)


if __name__ == "__main__":
    main()
