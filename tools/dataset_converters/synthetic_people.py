"""Write the synthetic people to disk as ordinary files: COCO JSON, PNG or JPEG, and MP4.

    python tools/dataset_converters/synthetic_people.py data/synthetic

writes

    data/synthetic/annotations/{source_train,source_test,target_test}.json
    data/synthetic/{source_train,source_test,target_test}/*.png
    data/synthetic/target_videos/target_0000.mp4 ...

With --video-truth also annotations/target_videos.json, which evaluation may read and training may not: file names are
{clip}_{frame:06d}.png and 'track_id' tells persons apart.
"""

import argparse
from pathlib import Path

from mmengine.config import DictAction
from mmengine.utils import track_iter_progress

from mmselfhuman.datasets.converters import write_json_files
from mmselfhuman.datasets.sources import source_to_coco
from mmselfhuman.datasets.synthetic import SyntheticPeople, SyntheticVideoFrames, SyntheticVideos
from mmselfhuman.visualization import write_image, write_video

STILLS = ("source_train", "source_test", "target_test")
PARTS = (*STILLS, "target_videos")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out_dir", type=Path, help="where to write")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to write (default: everything)")
    parser.add_argument("--num-images", type=int, help="images per split of stills (default: the split's own size)")
    parser.add_argument("--num-videos", type=int, default=24)
    parser.add_argument("--num-frames", type=int, default=32, help="frames per video")
    parser.add_argument("--size", type=int, nargs=2, default=(128, 128), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--knobs", nargs="+", action=DictAction, help="knobs to change, e.g. gloom=0.2 pan=0")
    parser.add_argument("--suffix", choices=("png", "jpg"), default="png", help="image format; JPEG loses detail")
    parser.add_argument("--video-truth", action="store_true", help="also write the truth of the videos")
    parser.add_argument("--overwrite", action="store_true", help="replace annotation files that exist")
    return parser.parse_args()


def write_stills(args: argparse.Namespace, split: str) -> str:
    source = SyntheticPeople(split, args.num_images, tuple(args.size), args.seed, args.knobs)
    content = source_to_coco(source)
    for image in content["images"]:
        image["file_name"] = str(Path(image["file_name"]).with_suffix(f".{args.suffix}"))
    (path,) = write_json_files(args.out_dir / "annotations", {f"{split}.json": content}, args.overwrite)
    for index in track_iter_progress(range(len(source))):
        write_image(args.out_dir / split / content["images"][index]["file_name"], source.image(index))
    return f"{path}: {len(content['images'])} images, {len(content['annotations'])} persons"


def write_videos(args: argparse.Namespace) -> str:
    settings = ("target", args.num_videos, args.num_frames, tuple(args.size), args.seed, args.knobs)
    folder = args.out_dir / "target_videos"
    if args.video_truth:
        truth = source_to_coco(SyntheticVideoFrames(*settings))
        write_json_files(args.out_dir / "annotations", {"target_videos.json": truth}, args.overwrite)
    for clip in track_iter_progress(list(SyntheticVideos(*settings))):
        write_video(folder / f"{clip.name}.mp4", (frame.image for frame in clip), fps=clip.frame_rate)
    return f"{folder}: {args.num_videos} videos of {args.num_frames} frames"


def main() -> None:
    args = parse_args()
    report = []
    try:
        for part in args.parts:
            report.append(write_stills(args, part) if part in STILLS else write_videos(args))
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error
    print("", *report, sep="\n")


if __name__ == "__main__":
    main()
