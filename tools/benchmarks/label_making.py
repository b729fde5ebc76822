"""What making pseudo-labels costs beside the network and the flow alone.

Reads a sequence of ``davis_people`` in the folder of real data. For every config of a segmentor, with random weights,
it prints the time per frame of decoding + network + flow (DIS, both directions), and of the whole label maker writing
into a store, in turns. A network with random weights leaves ragged masks, which no trained one does: the label maker
waits for the network, and gets OSVOS's masks.

    python tools/benchmarks/label_making.py CONFIG ... [--data FOLDER] [--frames 12] [--threads 2]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from mmselfhuman.datasets.video import UnlabelledVideos
from mmselfhuman.engine.label_making import LabelMaker, SegmentorPredictor, StoredPredictions
from mmselfhuman.models.flow import DISFlow
from mmselfhuman.models.tpr import TemporalParsingRefiner
from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.registry import MODELS
from mmselfhuman.structures import Clip, Frame

SEQUENCE = "parkour"
REPEATS = 10


class Standing:
    """Takes the time of a network, and says what is stored, read beforehand."""

    def __init__(self, network: SegmentorPredictor, stored: StoredPredictions, clip: Clip) -> None:
        frames = list(clip)
        self.network = network
        self.logits = dict(zip((frame.index for frame in frames), stored(clip.name, frames), strict=True))
        self.num_classes, self.identity = stored.num_classes, {}

    def __call__(self, clip: str, frames: Sequence[Frame]) -> list[Tensor]:
        self.network(clip, frames)
        return [self.logits[frame.index] for frame in frames]


def alone(clip: Clip, predictor: SegmentorPredictor, batch: int) -> None:
    """Decoding, network and flow."""
    frames, flow = list(clip), DISFlow()
    for start in range(0, len(frames), batch):
        predictor(clip.name, frames[start : start + batch])
    images = [torch.from_numpy(frame.image).permute(2, 0, 1)[None] for frame in frames]
    for first, second in pairwise(images):
        flow.bidirectional(first, second)


def whole(clip: Clip, predictor: Standing, batch: int, rounds: int) -> None:
    """The same, refined, scored and written."""
    maker = LabelMaker(TemporalParsingRefiner(DISFlow(), rounds=rounds), batch_size=batch)
    with tempfile.TemporaryDirectory() as folder:
        writer = PseudoLabelStore(folder).begin_round(1, {})
        writer.write_clip(clip.name, maker(clip, predictor))


def seconds(action: Callable[..., None], *arguments: object) -> float:
    start = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    default = Path(os.environ.get("MMSELFHUMAN_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    parser.add_argument("configs", nargs="+", help="of segmentors")
    parser.add_argument("--data", type=Path, default=default, help="the folder of real data")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--batch", type=int, default=4, help="frames that go through the network together")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    folder = arguments.data / "davis_people"
    (clip,) = UnlabelledVideos(folder / "JPEGImages" / SEQUENCE, max_frames=arguments.frames)
    stored = StoredPredictions(folder / "predictions" / "osvos", foreground=True)
    print("| network | network + flow, ms | labels, 1 round of TPR, ms | rate | 5 rounds, ms | rate |")
    print("|---|---|---|---|---|---|")
    for path in arguments.configs:
        config = Config.fromfile(path)
        init_default_scope(config.get("default_scope", "mmselfhuman"))
        config.model.backbone.pop("pretrained", None)
        network = SegmentorPredictor(MODELS.build(config.model))
        both = Standing(network, stored, clip)
        times: dict[int, list[float]] = {0: [], 1: [], 5: []}
        for _ in range(REPEATS):
            times[0].append(seconds(alone, clip, network, arguments.batch))
            for rounds in (1, 5):
                times[rounds].append(seconds(whole, clip, both, arguments.batch, rounds))
        base, *made = (1000 * min(each) / arguments.frames for each in times.values())
        cells = " | ".join(f"{value:.0f} | {base / value:.2f}" for value in made)
        print(f"| {Path(path).stem} | {base:.0f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
