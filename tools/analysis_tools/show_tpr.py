"""Show what TPR does to the masks of videos: strips of windows, and the videos with masks before and after.

python tools/analysis_tools/show_tpr.py VIDEOS --predictions FOLDER      masks or logits that some network has left
python tools/analysis_tools/show_tpr.py VIDEOS --model CONFIG CHECKPOINT any segmentor of MMSegmentation
python tools/analysis_tools/show_tpr.py --synthetic target --model ...   synthetic people
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from mmengine.config import DictAction

from mmselfhuman.datasets.synthetic import DOMAINS, SyntheticVideos
from mmselfhuman.datasets.video import UnlabelledVideos
from mmselfhuman.engine.label_making import Predictor, SegmentorPredictor, StoredPredictions
from mmselfhuman.engine.label_making.reading import announced_length
from mmselfhuman.models.tpr import TemporalParsingRefiner
from mmselfhuman.registry import MODELS
from mmselfhuman.structures import Clip
from mmselfhuman.visualization import write_image, write_video
from mmselfhuman.visualization.tpr import PANELS, TPRFrame, tpr_overlay, tpr_strip
from mmselfhuman.visualization.tpr_frames import tpr_frames


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Show what TPR does to the masks of videos: a strip of frames with the network's and the refined "
        "masks, the flow and what is unreliable, and a video with both masks."
    )
    parser.add_argument("videos", nargs="*", help="video files, frame folders, or folders of them")
    parser.add_argument("--synthetic", choices=DOMAINS, help="videos of synthetic people instead")
    parser.add_argument("--clips", type=int, default=1, help="number of synthetic videos (1)")
    parser.add_argument("--size", type=int, nargs=2, default=(128, 128), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--seed", type=int, default=0, help="of synthetic videos (0)")

    source = parser.add_argument_group("where the masks come from (one of these)")
    source.add_argument(
        "--predictions", type=Path, metavar="FOLDER", help="<video>/<frame number>.png (labels) or .npz (logits)"
    )
    source.add_argument("--model", nargs=2, metavar=("CONFIG", "CHECKPOINT"), help="a segmentor of MMSegmentation")
    source.add_argument("--foreground", action="store_true", help="whatever is not 0 in the PNGs is class 1")
    source.add_argument("--num-classes", type=int, default=2, help="of the predictions in a folder (2)")

    how = parser.add_argument_group("TPR")
    how.add_argument("--tpr", nargs="+", action=DictAction, default={}, metavar="KEY=VALUE", help="e.g. window=5")
    how.add_argument("--flow", nargs="+", action=DictAction, metavar="KEY=VALUE", help="e.g. type=RAFTFlow")

    output = parser.add_argument_group("output")
    output.add_argument("--output-dir", type=Path, default=Path("tpr"), metavar="DIR", help="default: tpr/")
    output.add_argument("--frames", type=int, nargs="+", metavar="N", help="middles of the strips' windows")
    output.add_argument("--window", type=int, default=3, help="frames in a strip (3)")
    output.add_argument("--rows", nargs="+", choices=[*PANELS], default=[*PANELS], help="of a strip (all)")
    output.add_argument("--width", type=int, default=427, help="frames are enlarged or reduced to, in pixels (427)")
    output.add_argument("--image-format", choices=["png", "jpg"], default="png", help="of strips (png)")
    output.add_argument("--movie", choices=["mp4", "gif", "webm", "avi", "none"], default="mp4", help="format (mp4)")
    output.add_argument("--max-frames", type=int, default=100, help="per video (100)")
    args = parser.parse_args()
    if bool(args.videos) == bool(args.synthetic):
        parser.error("give either videos or --synthetic")
    if bool(args.predictions) == bool(args.model):
        parser.error("give either --predictions or --model")
    for name in ("window", "width", "max_frames", "clips"):
        if getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, got {getattr(args, name)}")
    return args


def show(clip: Clip, predictor: Predictor, refiner: TemporalParsingRefiner, args: argparse.Namespace) -> None:
    """Write the strips and the video of a clip, holding little more than the windows."""
    middles = args.frames or [min(announced_length(clip) or args.max_frames, args.max_frames) // 2]
    before, after = (args.window - 1) // 2, args.window // 2
    windows = {middle: range(max(0, middle - before), middle + after + 1) for middle in middles}
    explained = set(chain(*windows.values()))
    kept: dict[int, TPRFrame] = {}

    def drawn() -> Iterator[np.ndarray]:
        for frame in tpr_frames(refiner, predicted(clip, predictor), explained):
            if frame.index in explained:
                kept[frame.index] = frame
            yield tpr_overlay(frame.scaled(args.width))

    if args.movie == "none":
        for _ in drawn():
            pass
    else:
        rate = getattr(clip, "frame_rate", None) or getattr(getattr(clip, "info", None), "fps", None) or 12
        write_video(args.output_dir / f"{clip.name}.{args.movie}", drawn(), rate)
    for middle, window in windows.items():
        found = [kept[index] for index in window if index in kept]
        if not found:
            raise ValueError(f"--frames: {clip.name} has no frame {middle} among its first {args.max_frames}")
        strip = tpr_strip(found, args.rows, args.width)
        write_image(args.output_dir / f"{clip.name}_{middle:05d}.{args.image_format}", strip)


def predicted(clip: Clip, predictor: Predictor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for frame in clip:
        yield torch.from_numpy(frame.image).permute(2, 0, 1).contiguous(), predictor(clip.name, [frame])[0].cpu()


def build_predictor(args: argparse.Namespace) -> Predictor:
    if args.predictions:
        return StoredPredictions(args.predictions, args.num_classes, args.foreground)
    from mmselfhuman.engine.self_training.work_labels import build_network
    from mmselfhuman.utils import load_config, only_weights

    config, checkpoint = args.model
    with only_weights():
        return SegmentorPredictor(build_network(load_config(config), checkpoint))


def main() -> None:
    args = parse_args()
    try:
        if args.synthetic:
            clips = SyntheticVideos(args.synthetic, args.clips, args.max_frames, tuple(args.size), args.seed)
        else:
            clips = UnlabelledVideos(args.videos, max_frames=args.max_frames)
        predictor = build_predictor(args)
        flow = {"type": "DISFlow", **(args.flow or {})}
        refiner = MODELS.build({"type": "mmselfhuman.TemporalParsingRefiner", "flow": flow, **args.tpr})
        for clip in clips:
            show(clip, predictor, refiner, args)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
    print(f"written to {args.output_dir}")


if __name__ == "__main__":
    main()
