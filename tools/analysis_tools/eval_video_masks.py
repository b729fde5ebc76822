"""Score masks of videos against annotations: python tools/analysis_tools/eval_video_masks.py PREDICTIONS ANNOTATIONS

Both folders hold one folder of PNGs per video, or the PNGs of a single video; predictions are found by the names of the
annotations. Whatever is not 0 is inside the mask (in a palette image: every index but 0).
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmselfhuman.datasets.video import UnlabelledVideos
from mmselfhuman.evaluation.reference_flow import estimate_flow, inconsistent_pixels
from mmselfhuman.evaluation.table import text_table
from mmselfhuman.evaluation.video_scores import SCORES, VideoMaskScores
from mmselfhuman.structures import sliding_windows


class EvaluationError(ValueError):
    """What was given cannot be scored."""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Score masks of videos: region similarity J, boundary accuracy F, temporal stability; in percent, "
        "per video and their mean."
    )
    parser.add_argument("predictions", type=Path, help="folder of one folder of PNGs per video, or of the PNGs of one")
    parser.add_argument("annotations", type=Path, help="likewise; decides which videos and frames are scored")
    parser.add_argument(
        "--frames",
        type=Path,
        metavar="FOLDER",
        help="the videos themselves, named as the annotations: also measure temporal stability, along the optical flow "
        "between consecutive frames",
    )
    parser.add_argument(
        "--exclude-occluded",
        action="store_true",
        help="leave out of the stability the pixels whose flow does not come back",
    )
    parser.add_argument(
        "--margin",
        type=float,
        metavar="FRACTION",
        help="score J and F only inside the annotated box, widened by this fraction of its sides",
    )
    parser.add_argument(
        "--skip-ends",
        action="store_true",
        help="leave out the first and last frame, as DAVIS 2017 does",
    )
    parser.add_argument("--out", type=Path, metavar="JSON", help="also write the scores, as fractions, to this file")
    args = parser.parse_args()
    if args.exclude_occluded and not args.frames:
        parser.error("--exclude-occluded needs --frames")
    return args


def annotated_videos(folder: Path) -> dict[str, list[Path]]:
    """Per video the annotation files, in order."""
    if not folder.is_dir():
        raise EvaluationError(f"no such folder of annotations: {folder}")
    videos = {path.name: sorted(path.glob("*.png")) for path in sorted(folder.iterdir()) if path.is_dir()}
    videos = {name: files for name, files in videos.items() if files} or {folder.name: sorted(folder.glob("*.png"))}
    if not any(videos.values()):
        raise EvaluationError(f"no PNGs in {folder} or in the folders in it")
    return videos


def read_mask(path: Path) -> np.ndarray:
    """``(H, W)`` bool: which pixels of a PNG are not 0; palette images by index, not by colour."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            labels = np.asarray(image)
    except FileNotFoundError:
        raise EvaluationError(f"no prediction for an annotated frame: {path}") from None
    except OSError as error:
        raise EvaluationError(f"{path} cannot be decoded: {error}") from error
    if labels.ndim != 2:
        raise EvaluationError(f"{path} must hold one label per pixel (grey or palette), not {labels.shape[2]} channels")
    return labels != 0


def score(args: argparse.Namespace) -> VideoMaskScores:
    videos = annotated_videos(args.annotations)
    scores = VideoMaskScores(margin=args.margin)
    for name, annotations in videos.items():
        nested = args.predictions / name
        folder = nested if nested.is_dir() or len(videos) > 1 else args.predictions
        for path in annotations[1:-1] if args.skip_ends else annotations:
            try:
                scores.add(name, read_mask(folder / path.name), read_mask(path))
            except ValueError as error:
                raise EvaluationError(f"{folder / path.name}: {error}") from error
        if args.frames:
            masks = [folder / path.name for path in annotations]
            add_stability(scores, name, masks, args.frames, args.exclude_occluded)
    return scores


def add_stability(
    scores: VideoMaskScores, name: str, masks: Sequence[Path], frames: Path, exclude_occluded: bool
) -> None:
    clips = {clip.name: clip for clip in UnlabelledVideos(frames)}
    clip = clips.get(name) or (next(iter(clips.values())) if len(clips) == 1 else None)
    if clip is None:
        raise EvaluationError(f"no video {name} in {frames}; there are {', '.join(clips)}")
    if clip.info.num_frames != len(masks):
        raise EvaluationError(f"{clip.path} has {clip.info.num_frames} frames, but {name} has {len(masks)} annotations")
    masked = ((frame, read_mask(masks[frame.index])) for frame in clip)
    for (frame, mask), *following in (window.frames for window in sliding_windows(masked, 2)):
        for next_frame, next_mask in following:
            flow = estimate_flow(frame.image, next_frame.image)
            occluded = None
            if exclude_occluded:
                occluded = inconsistent_pixels(flow, estimate_flow(next_frame.image, frame.image))
            scores.add_pair(name, mask, next_mask, flow, occluded)


def table(scores: VideoMaskScores) -> str:
    rows = {**scores.per_sequence(), "mean": scores.mean()}
    columns = [key for key in SCORES if not math.isnan(rows["mean"][key])]
    cells = [[name, *(f"{100 * row[key]:.1f}" for key in columns)] for name, row in rows.items()]
    return text_table([["video", *columns], *cells])


def main() -> None:
    args = parse_args()
    try:
        scores = score(args)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
    print(table(scores))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps({"videos": scores.per_sequence(), "mean": scores.mean()}, indent=2))


if __name__ == "__main__":
    main()
