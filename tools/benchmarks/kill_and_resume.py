"""Does a training with TPR or GBSR that is killed at random moments end like one that is not?

    python tools/benchmarks/kill_and_resume.py [--hook GBSR] [--kills 10] [--seed 0]

Trains a tiny network on tiny synthetic videos twice: once in peace, once killed (SIGKILL) at random moments and started
again with ``tools/train.py --resume`` each time. Compares all files of all rounds of labels, and all tensors of the
last checkpoint: weights, averaged weights, optimizer. Exits with 1 if anything differs.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]
STEPS = 40
MASKS = """
_base_ = '{root}/configs/tpr/tpr_seg-small_1xb16-5x200_synthetic-128x128.py'
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(base_channels=4),
    decode_head=dict(in_channels=4, channels=4, dropout_ratio=0.2))
hook = dict(type='TPRHook', threshold=0.5, guard=dict(largest_class=1.0))
"""
# With heatmaps of about a half from the start, the network finds somebody.
POSES = """
_base_ = '{root}/configs/gbsr/gbsr_ae-small_1xb32-2x300_synthetic-128x128.py'
model = dict(
    backbone=dict(base_channels=4),
    head=dict(in_channels=4, init_cfg=dict(type='Normal', layer='Conv2d', std=0.1, bias=0.5)))
hook = dict(
    type='GBSRHook',
    person_threshold=0.0,
    joint_threshold=0.0,
    nobody_threshold=0.0,
    refiner=dict(min_score=0.0),
    guard=dict(empty=1.0),
    transforms=[dict(type='mmpose.BottomupResize', input_size=(64, 64), size_factor=16, resize_mode='expand')])
"""
TRAINING = f"""
load_from = None
store = '{{store}}'
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    dataset=dict(
        labelled=dict(source=dict(size=(64, 64), num_images=12)),
        pseudo=dict(source=dict(store=store))))
val_dataloader = None
val_cfg = None
val_evaluator = None
hook.update(
    videos=dict(type='SyntheticVideos', num_videos=2, num_frames=6, size=(64, 64)),
    interval=9,
    rounds=4)
custom_hooks = [dict(type='EMAHook', momentum=0.1), hook]
train_cfg = dict(max_iters={STEPS})
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=4))
"""
CONFIGS = {"TPR": MASKS, "GBSR": POSES}


def command(folder: Path) -> list[str]:
    return [sys.executable, str(ROOT / "tools" / "train.py"), str(folder / "config.py"), "--work-dir", str(folder)]


def train(folder: Path, *options: str, kill_after: float | None = None) -> tuple[bool, float]:
    """Train until the end or until killed, so many seconds after the first round was begun or training went on.

    Returns:
        Whether it ended by itself, and the seconds it took since then.
    """
    started = _begun(folder)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with open(folder / "output.txt", "ab") as output:
        process = subprocess.Popen(
            [*command(folder), *options], cwd=folder, env=environment, stdout=output, stderr=output
        )
        try:
            while process.poll() is None and _begun(folder) == started:
                time.sleep(0.005)
            start = time.monotonic()
            try:
                process.wait(kill_after)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                return False, time.monotonic() - start
        finally:
            process.kill()
    if process.returncode:
        sys.exit(f"{' '.join(process.args)} failed:\n{(folder / 'output.txt').read_text()[-4000:]}")
    return True, time.monotonic() - start


def _begun(folder: Path) -> int | None:
    """Changes whenever a training begins: the hook signs the store first of all."""
    signature = folder / "store" / "run.json"
    return signature.stat().st_mtime_ns if signature.is_file() else None


def labels(folder: Path) -> dict[str, str]:
    """Digests of the files of all rounds and of the frames' pixels."""
    store = folder / "store"
    return {
        str(path.relative_to(store)): sha256(path.read_bytes()).hexdigest()
        for part in ("rounds", "frames")
        for path in sorted((store / part).rglob("*"))
        if path.is_file()
    }


def weights(folder: Path) -> dict[str, torch.Tensor]:
    checkpoint = torch.load(folder / f"iter_{STEPS}.pth", map_location="cpu", weights_only=False)
    parts = {name: checkpoint[name] for name in ("state_dict", "ema_state_dict", "optimizer")}
    return dict(tensors("", parts))


def tensors(name: str, node: Any) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(node, torch.Tensor):
        yield name, node
    elif isinstance(node, dict | list | tuple):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from tensors(f"{name}/{key}", child)


def prepared(folder: Path, hook: str) -> Path:
    folder.mkdir()
    config = CONFIGS[hook].format(root=ROOT) + TRAINING.format(store=folder / "store")
    (folder / "config.py").write_text(config)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--hook", choices=list(CONFIGS), default="TPR")
    parser.add_argument("--kills", type=int, default=10, help="how often")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as place:
        peace = prepared(Path(place) / "peace", arguments.hook)
        _, seconds = train(peace)
        print(f"uninterrupted: {seconds:.1f} s of training and label making", flush=True)
        killed = prepared(Path(place) / "killed", arguments.hook)
        for number in range(1, arguments.kills + 1):
            # So short that the run is hardly over before the last kill; each throws back to the checkpoint before.
            limit = moments.uniform(0, min(seconds, 3 * seconds / (arguments.kills + 1)))
            ended, lived = train(killed, "--resume", kill_after=limit)
            checkpoint = killed / "last_checkpoint"
            reached = Path(checkpoint.read_text()).stem if checkpoint.is_file() else "no checkpoint"
            done = sorted(path.parent.name for path in killed.glob("store/rounds/*/manifest.json"))
            print(
                f"kill {number}: {'too late' if ended else f'after {lived:.2f} s'}, {reached}, rounds {done}",
                flush=True,
            )
        train(killed, "--resume")
        expected, found = labels(peace), labels(killed)
        same_labels = expected == found
        expected_weights, found_weights = weights(peace), weights(killed)
        same_weights = expected_weights.keys() == found_weights.keys() and all(
            torch.equal(value, found_weights[name]) for name, value in expected_weights.items()
        )
    print(f"{len(expected)} files of labels: {'equal' if same_labels else 'DIFFERENT'}")
    print(f"{len(expected_weights)} tensors of the last checkpoint: {'equal' if same_weights else 'DIFFERENT'}")
    sys.exit(not (same_labels and same_weights))


if __name__ == "__main__":
    main()
