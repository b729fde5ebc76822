"""Refine the poses of a video by GBSR and draw what was done to every joint.

    python tools/analysis_tools/show_pose_refinement.py FRAMES POSES.json OUT [--window 3]

FRAMES is a folder of frames; POSES.json holds COCO keypoint results whose ``file_name`` ends with the name of a frame.
OUT gets before_after.jpg (some frames: the poses as they came, the refined ones), visibility.png (of the longest track)
and poses.json (the refined poses, with ``track_id`` and ``actions``). Prints how much the joints jitter before and
after: the median, in head sizes, of how far a joint is from the middle between its places in the frames around it.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch

from mmselfhuman.models.flow import DISFlow
from mmselfhuman.models.gbsr.clip import JointAction, RefinedPerson
from mmselfhuman.models.gbsr.graph import head_sizes
from mmselfhuman.models.gbsr.motion import ClipMotion
from mmselfhuman.models.gbsr.poses import person_score
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
from mmselfhuman.structures import NUM_JOINTS
from mmselfhuman.visualization import contact_sheet, draw_skeletons, write_image
from mmselfhuman.visualization.poses import draw_refined, visibility_matrix

SUFFIXES = (".jpg", ".jpeg", ".png")


def read_video(folder: Path, results: Path, last: int | None) -> tuple[list[str], list[np.ndarray], list[np.ndarray]]:
    """Names, images and ``(P, 17, 3)`` poses of the frames."""
    found = defaultdict(list)
    for entry in json.loads(results.read_text()):
        found[Path(entry["file_name"]).name].append(np.reshape(entry["keypoints"], (NUM_JOINTS, 3)))
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)[:last]
    if not paths:
        raise SystemExit(f"{folder} holds no image")
    poses = [np.array(found[path.name], dtype=np.float64).reshape(-1, NUM_JOINTS, 3) for path in paths]
    if not any(map(len, poses)):
        raise SystemExit(f"{results} has no pose of any frame in {folder}")
    return [path.name for path in paths], [cv2.imread(str(path)) for path in paths], poses


def motion_of(images: Sequence[np.ndarray]) -> ClipMotion:
    """DIS flow, both ways."""
    estimator, ahead, back = DISFlow(), [], []
    tensors = [torch.from_numpy(image).permute(2, 0, 1)[None] for image in images]
    for first, second in pairwise(tensors):
        forward, backward = estimator.bidirectional(first, second)
        ahead.append(forward[0].numpy())
        back.append(backward[0].numpy())
    return ClipMotion(ahead, back)


def jitter(tracks: dict[int, dict[int, np.ndarray]], counted: dict[int, dict[int, np.ndarray]]) -> tuple[float, int]:
    """Median distance of joints from the middle between their neighbours, in head sizes, and of how many joints."""
    distances = []
    for number, poses in tracks.items():
        for t, pose in poses.items():
            if t - 1 in poses and t + 1 in poses:
                both = counted[number][t] & counted[number][t - 1] & counted[number][t + 1]
                middle = (poses[t - 1][:, :2] + poses[t + 1][:, :2]) / 2
                distances.extend(np.linalg.norm(pose[:, :2] - middle, axis=1)[both] / head_sizes(pose))
    return (float(np.median(distances)), len(distances)) if distances else (float("nan"), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path)
    parser.add_argument("poses", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--window", type=int, default=3)
    parser.add_argument("--min-score", type=float, default=0.2)
    parser.add_argument("--last", type=int, help="use no more than so many frames")
    parser.add_argument("--shown", type=int, default=3, help="how many frames are drawn")
    parser.add_argument("--width", type=int, default=420, help="of a drawn frame in pixels")
    args = parser.parse_args()
    names, images, poses = read_video(args.frames, args.poses, args.last)
    refined = GraphPoseRefiner(window=args.window, min_score=args.min_score)(images, poses, motion_of(images))
    before, after, counted = defaultdict(dict), defaultdict(dict), defaultdict(dict)
    for t, persons in enumerate(refined):
        for person in persons:
            if person.source is not None:
                before[person.track_id][t] = poses[t][person.source]
                after[person.track_id][t] = person.keypoints
                detected = poses[t][person.source][:, 2] >= args.min_score
                counted[person.track_id][t] = detected & (person.actions != JointAction.ABSENT)
    for label, tracks in (("before", before), ("after", after)):
        value, count = jitter(tracks, counted)
        print(f"jitter {label}: {value:.4f} head sizes ({count} joints)")
    done = Counter(JointAction(int(a)).name.lower() for persons in refined for p in persons for a in p.actions)
    print(f"persons: {sum(map(len, poses))} before, {sum(map(len, refined))} after; joints: {dict(done)}")
    args.out.mkdir(parents=True, exist_ok=True)
    write_images(args.out, images, poses, refined, args)
    write_poses(args.out / "poses.json", names, refined)


def write_images(
    out: Path,
    images: Sequence[np.ndarray],
    poses: Sequence[np.ndarray],
    refined: Sequence[Sequence[RefinedPerson]],
    args: argparse.Namespace,
) -> None:
    """The frames in which most was done, evenly over the video; and the visibility of the longest track."""
    rows, captions = [], []
    for part in np.array_split(np.arange(len(images)), args.shown):
        if not len(part):
            continue
        changes = [sum((p.actions >= JointAction.MOVED).sum() for p in refined[t]) for t in part]
        t = int(part[int(np.argmax(changes))])
        given = draw_skeletons(images[t], poses[t], hidden_from=args.min_score, visible_from=args.min_score)
        scale = args.width / images[t].shape[1]
        for drawn, caption in (
            (given, f"frame {t}: as detected"),
            (draw_refined(images[t], refined[t], args.min_score), "refined"),
        ):
            rows.append(cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
            captions.append(caption)
    cv2.imwrite(str(out / "before_after.jpg"), contact_sheet(rows, 2, captions), [cv2.IMWRITE_JPEG_QUALITY, 75])
    longest, _ = Counter(p.track_id for persons in refined for p in persons).most_common(1)[0]
    visibility = np.full((len(refined), NUM_JOINTS), np.nan)
    for t, persons in enumerate(refined):
        for person in persons:
            if person.track_id == longest:
                visibility[t] = person.visibility
    write_image(out / "visibility.png", visibility_matrix(visibility[:48], f"visibility scores, track {longest}"))


def write_poses(path: Path, names: Sequence[str], refined: Sequence[Sequence[RefinedPerson]]) -> None:
    """COCO keypoint results with tracks and actions."""
    entries = [
        {
            "image_id": t,
            "file_name": name,
            "category_id": 1,
            "keypoints": person.keypoints.round(3).ravel().tolist(),
            "score": round(person_score(person.keypoints), 5),
            "track_id": person.track_id,
            "actions": [JointAction(int(action)).name.lower() for action in person.actions],
        }
        for t, (name, persons) in enumerate(zip(names, refined, strict=True))
        for person in persons
    ]
    path.write_text(json.dumps(entries))


if __name__ == "__main__":
    main()
