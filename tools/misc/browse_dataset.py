"""Look at data: contact sheets and movies with masks, joints, boxes and flow drawn into them.

python tools/misc/browse_dataset.py CONFIG [--split train]        what a config's pipeline makes of a labelled dataset
python tools/misc/browse_dataset.py --videos PATH [PATH ...]      unlabelled video files and frame folders
python tools/misc/browse_dataset.py --synthetic target            synthetic people with their truth
"""

import argparse
import json
import math
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import DictAction

from mmselfhuman.datasets.synthetic import DOMAINS, SyntheticPeople, SyntheticVideos
from mmselfhuman.datasets.synthetic.sources import SPLITS
from mmselfhuman.datasets.video import UnlabelledVideos
from mmselfhuman.evaluation.reference_flow import estimate_flow
from mmselfhuman.structures import NUM_JOINTS, Frame, sliding_windows
from mmselfhuman.utils import ConfigError, load_config
from mmselfhuman.visualization import Annotated, contact_sheet, flow_to_colour, write_image, write_video

HIDDEN_SCORE, VISIBLE_SCORE = 0.05, 0.3  # predicted joints with at least these scores are drawn as hidden or visible
FlowFunction = Callable[[Frame, Frame], np.ndarray]

FLOW_SHARE = 0.03  # vectors as long as this share of the diagonal have the full colour


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Look at a labelled dataset, at unlabelled videos or at synthetic people."
    )
    what = parser.add_argument_group("what to look at (one of these)")
    what.add_argument("config", nargs="?", help="config file with a labelled dataset")
    what.add_argument("--videos", nargs="+", metavar="PATH", help="video files, frame folders, or folders of them")
    what.add_argument("--synthetic", choices=[*SPLITS, *DOMAINS], help="a split of stills, or a domain for videos")

    parser.add_argument("--output-dir", type=Path, default=Path("browse"), metavar="DIR", help="default: browse/")
    parser.add_argument("--num", type=int, default=24, help="samples, or frames per contact sheet of a video (24)")
    parser.add_argument("--columns", type=int, default=6, help="of contact sheets (6)")
    parser.add_argument("--plain", action="store_true", help="also show each image without anything drawn into it")
    parser.add_argument("--scale", type=float, default=1, help="enlarge or reduce images by this factor before drawing")

    labelled = parser.add_argument_group("config")
    labelled.add_argument("--split", choices=["train", "val", "test"], default="train", help="which dataloader (train)")
    labelled.add_argument(
        "--mode",
        choices=["transformed", "original"],
        default="transformed",
        help="samples as the network gets them, or as they are loaded",
    )
    labelled.add_argument(
        "--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="override the config"
    )

    videos = parser.add_argument_group("videos and synthetic videos")
    videos.add_argument("--movie", choices=["mp4", "gif", "webm", "avi", "none"], default="mp4", help="format (mp4)")
    videos.add_argument("--flow", action="store_true", help="show the flow to the next frame beside each frame")
    videos.add_argument("--max-frames", type=int, default=200, help="per video (200)")
    videos.add_argument("--frame-step", type=int, default=1, help="take every n-th frame (1)")
    videos.add_argument("--masks", type=Path, metavar="DIR", help="draw masks: <video>/*.png, one per frame, 0 outside")
    videos.add_argument("--poses", type=Path, metavar="DIR", help="draw poses: <video>.json, image_id = frame index")

    synthetic = parser.add_argument_group("synthetic people")
    synthetic.add_argument("--size", type=int, nargs=2, default=(128, 128), metavar=("WIDTH", "HEIGHT"))
    synthetic.add_argument("--seed", type=int, default=0)
    synthetic.add_argument("--clips", type=int, default=4, help="number of videos (4)")
    args = parser.parse_args()
    if sum(map(bool, (args.config, args.videos, args.synthetic))) != 1:
        parser.error("give one of: a config, --videos, --synthetic")
    for name in ("num", "columns", "scale", "max_frames", "clips"):
        if getattr(args, name) <= 0:
            parser.error(f"--{name.replace('_', '-')} must be positive, got {getattr(args, name)}")
    return args


def browse_config(args: argparse.Namespace) -> None:
    from mmengine.registry import DATASETS, init_default_scope

    config = load_config(args.config, args.cfg_options)
    init_default_scope(config.get("default_scope", "mmselfhuman"))
    dataloader = config.get(f"{args.split}_dataloader")
    if dataloader is None:
        raise ConfigError(f"{args.config} has no {args.split}_dataloader")
    dataset = DATASETS.build(unpacked(dataloader.dataset, args.mode))
    images, captions = [], []
    for index in range(min(args.num, len(dataset))):
        sample = dataset[index]
        name = Path(sample.get("img_path") or sample.get("file_name") or f"{index}").stem
        images.append(drawn(Annotated.of_results(sample, dataset.metainfo), args))
        captions.append(name)
        write_image(args.output_dir / f"{index:05d}_{name}.png", images[-1])
    if not images:
        raise ConfigError(f"the {args.split} dataset of {args.config} is empty")
    write_image(args.output_dir / "sheet.png", contact_sheet(images, args.columns, captions))


def unpacked(config: Any, mode: str) -> Any:
    """A dataset's config whose pipelines end before their results are packed or, in mode original, after loading."""
    if isinstance(config, dict):
        return {
            key: _kept(value, mode) if key == "pipeline" else unpacked(value, mode) for key, value in config.items()
        }
    return [unpacked(item, mode) for item in config] if isinstance(config, list | tuple) else config


def _kept(pipeline: list[dict], mode: str) -> list[dict]:
    def name(transform: dict) -> str:
        return getattr(transform["type"], "__name__", transform["type"]).split(".")[-1]

    if mode == "original":
        return [transform for transform in pipeline if name(transform).startswith("Load")]
    return [transform for transform in pipeline if not name(transform).startswith("Pack")]


def browse_videos(args: argparse.Namespace) -> None:
    videos = UnlabelledVideos(args.videos, frame_step=args.frame_step, max_frames=args.max_frames)
    for clip in videos:
        masks, poses = masks_of(clip.name, args.masks), poses_of(clip.name, args.poses)

        def annotated(frame: Frame, masks: list[Path] = masks, poses: dict = poses) -> Annotated:
            mask = read_mask(masks[frame.index], frame.image.shape[:2]) if frame.index < len(masks) else None
            return Annotated(frame.image, mask, keypoints=poses.get(frame.index))

        flow = (lambda a, b: estimate_flow(a.image, b.image)) if args.flow else None
        total = min(args.max_frames, -(-(clip.info.num_frames or args.max_frames) // args.frame_step))
        fps = (clip.info.fps or 12) / args.frame_step
        write_clip(clip.name, ((frame, annotated(frame)) for frame in clip), flow, total, fps, args)
    print(videos.report)


def masks_of(clip: str, folder: Path | None) -> list[Path]:
    """The mask files of a video, one per frame, if there are any."""
    return [] if folder is None else sorted((folder / clip).glob("*.png"))


def read_mask(path: Path, size: tuple[int, int]) -> np.ndarray:
    """``(N, H, W)`` bool, one mask per label in a grey or palette PNG of that ``(H, W)``."""
    from PIL import Image

    with Image.open(path) as image:
        labels = np.asarray(image)
    if labels.shape != size:
        raise ValueError(f"{path} must hold one label for each of the {size} pixels of its frame, got {labels.shape}")
    present = np.unique(labels)
    return labels == present[present != 0, None, None]


def poses_of(clip: str, folder: Path | None) -> dict[int, np.ndarray]:
    """Per frame ``(N, 17, 3)`` joints with COCO's visibility, from COCO keypoint results, if there are any."""
    if folder is None or not (folder / f"{clip}.json").is_file():
        return {}
    poses: dict[int, list[np.ndarray]] = {}
    for result in json.loads((folder / f"{clip}.json").read_text()):
        joints = np.reshape(result["keypoints"], (NUM_JOINTS, 3)).astype(float)
        joints[:, 2] = np.select([joints[:, 2] >= VISIBLE_SCORE, joints[:, 2] >= HIDDEN_SCORE], [2, 1])
        poses.setdefault(result["image_id"], []).append(joints)
    return {index: np.array(persons) for index, persons in poses.items()}


def browse_synthetic_stills(args: argparse.Namespace) -> None:
    people = SyntheticPeople(args.synthetic, num_images=args.num, size=tuple(args.size), seed=args.seed)
    images, captions = [], []
    for index in range(len(people)):
        item = people[index]
        images.append(drawn(Annotated.of_persons(people.image(index), item.persons), args))
        captions.append(", ".join(f"{person.max_iou:.2f}" for person in item.persons))
    write_image(args.output_dir / f"{args.synthetic}.png", contact_sheet(images, args.columns, captions))


def browse_synthetic_videos(args: argparse.Namespace) -> None:
    videos = SyntheticVideos(args.synthetic, args.clips, args.max_frames, tuple(args.size), args.seed)
    for clip in videos:

        def flow(frame: Frame, following: Frame, clip: Any = clip) -> np.ndarray:
            vectors, occluded = clip.flow(frame.index, following.index)
            return np.where(occluded, np.nan, vectors)

        frames = (
            (frame, Annotated.of_persons(frame.image, clip.truth(frame.index).persons()))
            for frame in islice(clip, 0, None, args.frame_step)
        )
        total, fps = -(-len(clip) // args.frame_step), clip.frame_rate / args.frame_step
        write_clip(clip.name, frames, flow if args.flow else None, total, fps, args)


def write_clip(
    name: str,
    frames: Iterable[tuple[Frame, Annotated]],
    flow: FlowFunction | None,
    total: int,
    fps: float,
    args: argparse.Namespace,
) -> None:
    """Write the movie and the contact sheet of a clip, holding no more than the frames of the sheet."""
    chosen: list[tuple[np.ndarray, str]] = []
    every = math.ceil(total / args.num)

    def panels() -> Iterator[np.ndarray]:
        for number, window in enumerate(sliding_windows(frames, 2, border="replicate")):
            (frame, annotated), (following, _) = window.frames
            panel = drawn(annotated, args)
            if flow is not None:
                panel = np.hstack([panel, flow_panel(flow, frame, following, args.scale)])
            if number % every == 0:
                chosen.append((panel, f"frame {frame.index}"))
            yield panel

    if args.movie == "none":
        deque(panels(), maxlen=0)
    else:
        write_video(args.output_dir / f"{name}.{args.movie}", panels(), fps)
    images, captions = zip(*chosen, strict=True)
    write_image(args.output_dir / f"{name}.png", contact_sheet(images, args.columns, captions))


def drawn(annotated: Annotated, args: argparse.Namespace) -> np.ndarray:
    annotated = annotated.scaled(args.scale)
    return np.hstack([annotated.image, annotated.draw()]) if args.plain else annotated.draw()


def flow_panel(flow: FlowFunction, frame: Frame, following: Frame, scale: float) -> np.ndarray:
    """The flow to the next frame in colour; white for the last frame, which has none."""
    height, width = frame.image.shape[:2]
    vectors = np.zeros((2, height, width), np.float32) if following is frame else flow(frame, following)
    return Annotated(flow_to_colour(vectors, FLOW_SHARE * math.hypot(height, width))).scaled(scale).image


def main() -> None:
    args = parse_args()
    try:
        if args.config:
            browse_config(args)
        elif args.videos:
            browse_videos(args)
        elif args.synthetic in SPLITS:
            browse_synthetic_stills(args)
        else:
            browse_synthetic_videos(args)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
    print(f"written to {args.output_dir}")


if __name__ == "__main__":
    main()
