"""What TPR does to real networks' masks on real video: J, F and temporal stability, and what it mends of damage.

Reads the DAVIS frames of people and the predictions beside them (``davis_people`` in the folder of real data) and
prints Markdown. Every prediction is brought to the frames' size before it is refined and scored; all settings are the
defaults of :class:`~mmselfhuman.models.tpr.TemporalParsingRefiner` but for the one that a row names.

    python tools/benchmarks/tpr_davis.py [--data FOLDER] [--rows default plain ...] [--damage] [--scale 0.5]
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from known_flow import FlowPair, KnownFlow
from torch import Tensor

from mmselfhuman.evaluation.video_scores import VideoMaskScores
from mmselfhuman.models.flow import DISFlow
from mmselfhuman.models.flow.ops import occlusion, resize
from mmselfhuman.models.tpr import TemporalParsingRefiner, logits_from_labels, predicted_labels

SEQUENCES = ("parkour", "dance-twirl")
INPUTS = ("osvos", "rvos", "rvos main", "espnetv2")
BOX_MARGIN = 0.25
SEED = 0
PAPER = {"trust": None, "reliability": None, "balance": False, "anchor": 0.0}
ROWS: dict[str, dict] = {
    "default (window 3, 5 rounds)": {},
    "window 2": {"window": 2},
    "window 5": {"window": 5},
    "1 round": {"rounds": 1},
    "3 rounds": {"rounds": 3},
    "negated flow": {"backward": "negate"},
    "plain sum": {"trust": None},
    "no re-search": {"search": None},
    "no reliability": {"reliability": None},
    "votes not balanced": {"balance": False},
    "not anchored": {"anchor": 0.0},
    "the paper's sum (no trust, reliability, balance or anchor)": PAPER,
    "the same, negated flow": {**PAPER, "backward": "negate"},
    "zero flow, the paper's sum (control)": {**PAPER, "search": None, "zero": True},
}


@dataclass(eq=False)
class Sequence:
    """A video with its truth and its motion; masks are (H, W) bool, flows (2, H, W) float16."""

    name: str
    images: list[Tensor]
    truth: list[np.ndarray]
    flow: list[FlowPair] = field(default_factory=list)
    hidden: list[np.ndarray] = field(default_factory=list)

    def estimate(self, known: "Sequence | None" = None) -> None:
        """Fill in the flow; where both frames are those of ``known``, its flow."""
        estimator = DISFlow()
        for t in range(len(self.images) - 1):
            if known and all(self.images[i] is known.images[i] for i in (t, t + 1)):
                pair = known.flow[t]
            else:
                images = self.images[t][None], self.images[t + 1][None]
                pair = tuple(flow[0].half() for flow in estimator.bidirectional(*images))
            self.flow.append(pair)
            self.hidden.append(occlusion(*(flow[None].float() for flow in pair))[0, 0].numpy())


def read(folder: Path, name: str, scale: float) -> tuple[Sequence, Sequence]:
    """A sequence as it is, and with a fifth of its frames blurred."""
    names = sorted(path.stem for path in (folder / "Annotations" / name).glob("*.png"))
    images = [_image(folder / "JPEGImages" / name / f"{stem}.jpg", scale) for stem in names]
    truth = [_resized_mask(_ids(folder / "Annotations" / name / f"{stem}.png") > 0, scale) for stem in names]
    blurred = [
        _image(path, scale) if (path := folder / "JPEGImages_blurred" / name / f"{stem}.jpg").is_file() else image
        for stem, image in zip(names, images, strict=True)
    ]
    clean, damaged = Sequence(name, images, truth), Sequence(name, blurred, truth)
    clean.estimate()
    damaged.estimate(known=clean)
    return clean, damaged


def predictions(folder: Path, sequence: Sequence, source: str, blurred: bool = False) -> list[Tensor]:
    """Logits (2, H, W) of every frame, background and person."""
    size = tuple(sequence.images[0].shape[1:])
    if source == "espnetv2":
        stored = np.load(folder / "predictions" / source / f"{sequence.name}.npz")["logits"].astype(np.float32)
        if blurred:
            other = np.load(folder / "predictions" / source / f"{sequence.name}_blurred.npz")
            # The two files agree in the difference of the classes only.
            stored = stored - stored[:, :1]
            stored[other["frames"]] = other["logits"].astype(np.float32)
        enlarged = (cv2.resize(frame.transpose(1, 2, 0), size[::-1]) for frame in stored)
        return [torch.from_numpy(frame.transpose(2, 0, 1).copy()) for frame in enlarged]
    result = []
    for path in sorted((folder / "predictions" / source.split()[0] / sequence.name).glob("*.png")):
        ids = _ids(path)
        mask = torch.from_numpy(ids == 1 if source.endswith("main") else ids > 0)[None]
        result.append(resize(logits_from_labels(mask.long(), 2), size)[0])
    return result


def damage(logits: list[Tensor], kind: str, seed: int) -> tuple[list[Tensor], list[int]]:
    """Damage a fifth of the frames.

    ``'blocks'``: half the cells of an 8 x 8 grid lose their logits (all become 0). ``'misses'``: the network is sure
    that nobody is there, everywhere, as sure as it is of the surest tenth of the pixels.
    """
    rng = np.random.default_rng(seed)
    chosen = sorted(int(i) for i in rng.choice(len(logits), len(logits) // 5, replace=False))
    result = list(logits)
    for index in chosen:
        height, width = logits[index].shape[1:]
        if kind == "blocks":
            lost = cv2.resize(
                rng.integers(0, 2, (8, 8), dtype=np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
            )
            result[index] = logits[index] * torch.from_numpy(1 - lost)
        else:
            margin = (logits[index][1] - logits[index][0]).abs().flatten()[::7].quantile(0.9)
            result[index] = torch.stack([margin, -margin]).view(2, 1, 1).expand_as(logits[index]) / 2
    return result, chosen


def refined(sequence: Sequence, logits: list[Tensor], settings: dict) -> Iterator[np.ndarray]:
    settings = dict(settings)
    refiner = TemporalParsingRefiner(KnownFlow(sequence.flow, settings.pop("zero", False)), **settings)
    for frame in refiner(zip(sequence.images, logits, strict=True)):
        yield _mask(frame.logits)


def scores(sequence: Sequence, masks: list[np.ndarray], frames: list[int] | None = None, box: bool = False) -> dict:
    """J and F in percent over some frames; stability over all, along the clean video's flow."""
    result = VideoMaskScores(BOX_MARGIN if box else None)
    for index in range(len(masks)) if frames is None else frames:
        result.add(sequence.name, masks[index], sequence.truth[index])
    if frames is None and not box:
        for t in range(len(masks) - 1):
            flow = sequence.flow[t][0].float().numpy()
            result.add_pair(sequence.name, masks[t], masks[t + 1], flow, sequence.hidden[t])
    return {key: 100 * value for key, value in result.mean().items()}


def print_ablation(folder: Path, sequences: list[Sequence], rows: list[str], inputs: list[str]) -> None:
    print("| settings | " + " | ".join(f"{name}: J, F, stability" for name in inputs) + " | least change of a J |")
    print("|---|" + "---|" * (len(inputs) + 1))
    before = {
        (name, sequence.name): scores(sequence, [_mask(x) for x in predictions(folder, sequence, name)])
        for name in inputs
        for sequence in sequences
    }
    print("| the networks' own | " + " | ".join(_cell(before, name) for name in inputs) + " | |", flush=True)
    for row in rows:
        after = {
            (name, sequence.name): scores(
                sequence, list(refined(sequence, predictions(folder, sequence, name), ROWS[row]))
            )
            for name in inputs
            for sequence in sequences
        }
        change, least = min((after[key]["J"] - before[key]["J"], key) for key in after)
        cells = " | ".join(_cell(after, name) for name in inputs)
        print(f"| {row} | {cells} | {change:+.1f} ({', '.join(least)}) |", flush=True)


def print_sequences(folder: Path, sequences: list[Sequence], inputs: list[str]) -> None:
    print("| input, sequence | J | F | J inside the box | F inside the box |")
    print("|---|---|---|---|---|")
    for name in inputs:
        for sequence in sequences:
            logits = predictions(folder, sequence, name)
            masks = [_mask(x) for x in logits], list(refined(sequence, logits, {}))
            cells = []
            for box in (False, True):
                before, after = (scores(sequence, each, box=box) for each in masks)
                cells += [f"{before[key]:.1f} -> {after[key]:.1f} ({after[key] - before[key]:+.1f})" for key in "JF"]
            print(f"| {name}, {sequence.name} | " + " | ".join(cells) + " |", flush=True)


def print_damage(folder: Path, sequences: list[tuple[Sequence, Sequence]], inputs: list[str]) -> None:
    """Over the damaged frames: J of the clean input, the damaged one, and the damaged one refined."""
    print("| damage | input | clean | damaged | refined | recovered | neighbours | least neighbours |")
    print("|---|---|---|---|---|---|---|---|")
    kinds = [("blur", "espnetv2")] + [(kind, name) for kind in ("blocks", "misses") for name in inputs]
    for kind, name in kinds:
        rows = [_damaged(folder, *pair, kind, name, SEED + number) for number, pair in enumerate(sequences)]
        clean, damaged, after, neighbours = np.mean(rows, axis=0)
        share = (after - damaged) / (clean - damaged)
        print(
            f"| {kind} | {name} | {clean:.1f} | {damaged:.1f} | {after:.1f} | {share:.0%} | {neighbours:+.1f} | "
            f"{min(row[3] for row in rows):+.1f} |",
            flush=True,
        )


def _damaged(folder: Path, clean: Sequence, blurred: Sequence, kind: str, name: str, seed: int) -> list[float]:
    logits = predictions(folder, clean, name)
    if kind == "blur":
        sequence, worse = blurred, predictions(folder, blurred, name, blurred=True)
        chosen = [t for t in range(len(logits)) if blurred.images[t] is not clean.images[t]]
    else:
        sequence, (worse, chosen) = clean, damage(logits, kind, seed)
    beside = sorted({t + step for t in chosen for step in (-1, 1)} & set(range(len(logits))) - set(chosen))
    masks = [_mask(x) for x in logits], [_mask(x) for x in worse], list(refined(sequence, worse, {}))
    # The box keeps bystanders, who vanish from blurred frames and are not in the truth, out of the balance.
    on_damaged = [scores(clean, each, chosen, box=True)["J"] for each in masks]
    on_neighbours = [scores(clean, each, beside, box=True)["J"] for each in masks]
    return [*on_damaged, on_neighbours[2] - on_neighbours[0]]


def _cell(results: dict[tuple[str, str], dict], source: str) -> str:
    """The means over the sequences of one input."""
    chosen = [result for (name, _), result in results.items() if name == source]
    return ", ".join(f"{np.mean([result[key] for result in chosen]):.1f}" for key in ("J", "F", "stability"))


def _mask(logits: Tensor) -> np.ndarray:
    return predicted_labels(logits[None])[0].numpy() > 0


def _image(path: Path, scale: float) -> Tensor:
    image = cv2.imread(str(path))
    if scale != 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return torch.from_numpy(image).permute(2, 0, 1).contiguous()


def _ids(path: Path) -> np.ndarray:
    """The palette indices of a PNG (OpenCV would return colours)."""
    from PIL import Image

    return np.array(Image.open(path))


def _resized_mask(mask: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return mask
    return cv2.resize(mask.astype(np.float32), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) > 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    default = Path(os.environ.get("MMSELFHUMAN_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default, help="the folder of real data")
    parser.add_argument("--inputs", nargs="+", choices=INPUTS, default=INPUTS)
    parser.add_argument(
        "--rows", nargs="*", default=list(ROWS), help="settings of the table, by the start of their name"
    )
    parser.add_argument("--no-damage", action="store_true", help="leave the table of damage out")
    parser.add_argument("--scale", type=float, default=1.0, help="of frames and masks, for a quick look")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    folder, start = arguments.data / "davis_people", time.time()
    pairs = [read(folder, name, arguments.scale) for name in SEQUENCES]
    sequences = [clean for clean, _ in pairs]
    rows = [row for row in ROWS if any(row.startswith(name) for name in arguments.rows)]
    if rows:
        print_ablation(folder, sequences, rows, arguments.inputs)
        print()
    print_sequences(folder, sequences, arguments.inputs)
    print()
    if not arguments.no_damage:
        print_damage(folder, pairs, [name for name in arguments.inputs if name != "rvos main"])
        print()
    print(f"{time.time() - start:.0f} s, scale {arguments.scale:g}, {arguments.threads} threads")


if __name__ == "__main__":
    main()
