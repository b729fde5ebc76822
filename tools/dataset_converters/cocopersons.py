"""Write the COCOPersons files of the Pose2Seg protocol from COCO's person keypoint files.

    python tools/dataset_converters/cocopersons.py data/coco/annotations/person_keypoints_{train,val}2017.json

writes person_keypoints_{train,val}2017_pose2seg.json beside them.
"""

import argparse
from pathlib import Path

from mmengine.utils import track_iter_progress

from mmselfhuman.datasets.converters import keep_pose2seg_persons, write_json_files
from mmselfhuman.datasets.sources.coco_file import load_json


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ann_files", type=Path, nargs="+", help="COCO's person_keypoints_*.json")
    parser.add_argument("--out-dir", type=Path, help="where to write (default: the folder of each file)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    report = []
    try:
        for ann_file in track_iter_progress(args.ann_files):
            content = keep_pose2seg_persons(str(ann_file), load_json(str(ann_file)))
            folder = args.out_dir or ann_file.parent
            (path,) = write_json_files(folder, {f"{ann_file.stem}_pose2seg.json": content}, args.overwrite)
            report.append(f"{path}: {len(content['images'])} images, {len(content['annotations'])} persons")
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error
    print("", *report, sep="\n")


if __name__ == "__main__":
    main()
