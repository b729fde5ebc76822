"""Write OCHuman's COCO-format files from its own ochuman.json.

    python tools/dataset_converters/ochuman2coco.py data/OCHuman/ochuman.json

writes, beside it, the three official files per split (MaxIoU in [0, 1), [0.5, 0.75) and [0.75, 1)), and per split one
file with all persons and one with the fully-labelled images.
"""

import argparse
from pathlib import Path

from mmengine.utils import track_iter_progress

from mmselfhuman.datasets.converters import convert_ochuman, load_ochuman, write_json_files

OFFICIAL = (4731, 8110)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ann_file", type=Path, help="OCHuman's ochuman.json")
    parser.add_argument("--out-dir", type=Path, help="where to write (default: the folder of ann_file)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    try:
        files = convert_ochuman(load_ochuman(str(args.ann_file)), progress=track_iter_progress)
        paths = write_json_files(args.out_dir or args.ann_file.parent, files, args.overwrite)
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error
    print()
    for path in paths:
        content = files[path.name]
        print(f"{path}: {len(content['images'])} images, {len(content['annotations'])} persons")
    whole = [content for name, content in files.items() if name.endswith("_all.json")]
    counts = tuple(sum(len(content[key]) for content in whole) for key in ("images", "annotations"))
    if counts != OFFICIAL:
        print(f"note: {counts[0]} images and {counts[1]} persons were kept; of the published OCHuman it is {OFFICIAL}")


if __name__ == "__main__":
    main()
