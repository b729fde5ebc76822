"""How much room the synthetic people leave to a method that uses neighbouring frames and unlabelled video.

    python tools/analysis_tools/synthetic_room.py --seg CONFIG CHECKPOINT --pose CONFIG CHECKPOINT

For a network trained on the labelled source alone it measures what it loses from the source's test set to the target's
(person IoU; keypoint AP with the annotated boxes given), and, on target videos, how much of what it misses in a frame
it finds one frame before or after (persons by the recall of their visible pixels, joints by OKS's term).
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, DictAction
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmengine.utils import track_iter_progress
from pycocotools import mask as rle

from mmselfhuman.datasets.sources import build_source, source_to_coco
from mmselfhuman.evaluation import evaluate_coco
from mmselfhuman.evaluation.neighbour_frames import Misses, count_misses, joints_found, persons_found
from mmselfhuman.registry import DATASETS, MODELS
from mmselfhuman.structures import NUM_JOINTS, PersonSource
from mmselfhuman.utils import only_weights

BATCH = 16


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seg", nargs=2, metavar=("CONFIG", "CHECKPOINT"), help="a segmentor of mmseg, person = 1")
    parser.add_argument("--pose", nargs=2, metavar=("CONFIG", "CHECKPOINT"), help="a top-down pose network of mmpose")
    parser.add_argument("--num-images", type=int, help="images per test set (default: all)")
    parser.add_argument("--num-videos", type=int, default=12)
    parser.add_argument("--num-frames", type=int, default=32)
    parser.add_argument("--size", type=int, nargs=2, default=(128, 128), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--knobs", nargs="+", action=DictAction, help="knobs of the target domain to change")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="also write the numbers there, as JSON")
    args = parser.parse_args()
    if not args.seg and not args.pose:
        parser.error("name a segmentor (--seg) or a pose network (--pose)")
    return args


def build_sources(args: argparse.Namespace) -> dict[str, PersonSource]:
    """The two test sets and the frames of the target videos."""
    stills = {"type": "SyntheticPeople", "num_images": args.num_images, "size": tuple(args.size)}
    videos = {"type": "SyntheticVideoFrames", "num_videos": args.num_videos, "num_frames": args.num_frames}
    return {
        "source_test": build_source({**stills, "split": "source_test"}),
        "target_test": build_source({**stills, "split": "target_test", "knobs": args.knobs}),
        "target_videos": build_source({**videos, "size": tuple(args.size), "knobs": args.knobs}),
    }


class Network:
    """A trained network that predicts the samples of a data set in order."""

    def __init__(self, config: str, checkpoint: str, device: str) -> None:
        self._config = Config.fromfile(config)
        init_default_scope(self._config.get("default_scope", "mmselfhuman"))
        self._model = MODELS.build(self._config.model)
        with only_weights():
            load_checkpoint(self._model, checkpoint, map_location="cpu")
        self._model.to(device).eval()

    def predict(self, dataset_type: str, source: PersonSource) -> Iterator[tuple[Any, dict]]:
        """Pairs of a predicted sample and what the data set knows about it."""
        pipeline = self._config.test_pipeline
        dataset = DATASETS.build({"type": dataset_type, "source": source, "pipeline": pipeline, "test_mode": True})
        for start in track_iter_progress(range(0, len(dataset), BATCH)):
            indices = range(start, min(start + BATCH, len(dataset)))
            with torch.no_grad():
                samples = self._model.test_step(pseudo_collate([dataset[index] for index in indices]))
            yield from zip(samples, map(dataset.get_data_info, indices), strict=True)


def segment(network: Network, source: PersonSource) -> list[np.ndarray]:
    """``(H, W)`` bool per image."""
    return [
        (sample.pred_sem_seg.data[0] == 1).cpu().numpy() for sample, _ in network.predict("PersonSegDataset", source)
    ]


def masks_of(source: PersonSource, index: int) -> dict[int, np.ndarray]:
    """Visible masks by track id (by number in stills)."""
    return {person.track_id: rle.decode(person.mask).astype(bool) for person in source[index].persons}


def person_iou(predictions: list[np.ndarray], source: PersonSource) -> float:
    """IoU of the class 'person' over all pixels of a set."""
    shared = union = 0
    for index, prediction in enumerate(predictions):
        truth = np.zeros_like(prediction)
        for mask in masks_of(source, index).values():
            truth |= mask
        shared += int((prediction & truth).sum())
        union += int((prediction | truth).sum())
    return shared / max(union, 1)


def person_misses(predictions: list[np.ndarray], source: PersonSource, num_frames: int) -> Misses:
    """Persons missed in the frames of videos of ``num_frames`` each."""
    total = Misses()
    for start in range(0, len(predictions), num_frames):
        frames = [masks_of(source, start + frame) for frame in range(num_frames)]
        tracks = sorted({track for masks in frames for track in masks})
        present, found = (np.zeros((num_frames, len(tracks)), bool) for _ in range(2))
        for frame, masks in enumerate(frames):
            if masks:
                columns = [tracks.index(track) for track in masks]
                present[frame, columns] = True
                found[frame, columns] = persons_found(predictions[start + frame], np.stack(list(masks.values())))
        total += count_misses(found, present)
    return total


def find_poses(network: Network, source: PersonSource) -> dict[int, np.ndarray]:
    """``(17, 3)`` predicted (x, y, score) by annotation id."""
    poses = {}
    for sample, info in network.predict("PersonPoseDataset", source):
        person = source[info["source_index"]].persons[info["person"]]
        instances = sample.pred_instances
        poses[person.id] = np.concatenate([instances.keypoints[0], instances.keypoint_scores[0][:, None]], -1)
    return poses


def keypoint_ap(poses: dict[int, np.ndarray], source: PersonSource) -> float:
    """COCO's keypoint AP where each annotated box has one prediction."""
    results = [
        {
            "image_id": source[index].id,
            "category_id": 1,
            "keypoints": poses[person.id].ravel().tolist(),
            "score": float(poses[person.id][:, 2].mean()),
        }
        for index in range(len(source))
        for person in source[index].persons
        if person.id in poses
    ]
    return evaluate_coco(source_to_coco(source), results, "keypoints").ap()


def joint_misses(poses: dict[int, np.ndarray], source: PersonSource, num_frames: int) -> Misses:
    """Labelled joints missed in the frames of videos of ``num_frames`` each."""
    total = Misses()
    for start in range(0, len(source), num_frames):
        tracks = sorted({p.track_id for frame in range(num_frames) for p in source[start + frame].persons})
        present, found = (np.zeros((num_frames, len(tracks), NUM_JOINTS), bool) for _ in range(2))
        for frame in range(num_frames):
            for person in source[start + frame].persons:
                if person.id in poses:
                    column = tracks.index(person.track_id)
                    present[frame, column] = person.keypoints[:, 2] > 0
                    (hits,) = joints_found(poses[person.id][None], person.keypoints[None], np.array([person.area]))
                    found[frame, column] = hits
        total += count_misses(found, present)
    return total


def summarise(name: str, scores: tuple[float, float], things: str, misses: Misses) -> dict[str, float]:
    """Print one network's numbers and return them."""
    source, target = (100.0 * score for score in scores)
    print(f"\n{name}: source_test {source:.1f}, target_test {target:.1f}, lost {source - target:.1f} points")
    print(
        f"target videos: {misses.present} {things}, {100 * misses.miss_rate:.1f}% missed; of these "
        f"{100 * misses.share_beside:.1f}% are found one frame before or after"
    )
    return {
        "source_test": source,
        "target_test": target,
        "miss_rate": misses.miss_rate,
        "found_beside": misses.share_beside,
    }


def main() -> None:
    args = parse_args()
    sources = build_sources(args)
    numbers = {}
    if args.seg:
        network = Network(*args.seg, args.device)
        masks = {name: segment(network, source) for name, source in sources.items()}
        scores = tuple(person_iou(masks[name], sources[name]) for name in ("source_test", "target_test"))
        misses = person_misses(masks["target_videos"], sources["target_videos"], args.num_frames)
        numbers["seg"] = summarise("person IoU", scores, "persons", misses)
    if args.pose:
        network = Network(*args.pose, args.device)
        poses = {name: find_poses(network, source) for name, source in sources.items()}
        scores = tuple(keypoint_ap(poses[name], sources[name]) for name in ("source_test", "target_test"))
        misses = joint_misses(poses["target_videos"], sources["target_videos"], args.num_frames)
        numbers["pose"] = summarise("keypoint AP", scores, "joints", misses)
    if args.out:
        args.out.write_text(json.dumps(numbers, indent=2))


if __name__ == "__main__":
    main()
