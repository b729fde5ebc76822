"""Compare the two backends of the metrics: the same digits, and how much faster.

python tools/benchmarks/metrics.py --images 500 --detections 20
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from pycocotools import mask as coco_mask

from mmselfhuman.evaluation import CocoScores, evaluate_coco
from mmselfhuman.evaluation.coco_eval import BACKENDS, IOU_TYPES

HEIGHT, WIDTH = 480, 640


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--persons", type=int, default=4, help="per image")
    parser.add_argument("--detections", type=int, default=20, help="per image")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest counts")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def make_case(num_images: int, num_persons: int, num_detections: int, seed: int) -> tuple[dict, list[dict]]:
    """Persons as ellipses with a joint pattern, and detections near them."""
    rng = np.random.default_rng(seed)
    annotations, detections = [], []
    for image_id in range(1, num_images + 1):
        centres = rng.uniform([60, 80], [WIDTH - 60, HEIGHT - 80], (num_persons, 2))
        radii = rng.uniform([15, 30], [60, 80], (num_persons, 2))
        for centre, radius in zip(centres, radii, strict=True):
            annotations.append({**person(centre, radius), "id": len(annotations) + 1, "image_id": image_id})
        for chosen in rng.integers(0, num_persons, num_detections):
            centre = centres[chosen] + rng.normal(0, 6, 2)
            radius = radii[chosen] * rng.uniform(0.8, 1.2, 2)
            detections.append({**person(centre, radius), "image_id": image_id, "score": float(rng.random())})
    images = [{"id": i, "height": HEIGHT, "width": WIDTH} for i in range(1, num_images + 1)]
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}, detections


def person(centre: np.ndarray, radius: np.ndarray) -> dict:
    angles = np.linspace(0, 2 * np.pi, 60)
    outline = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    joints = np.concatenate([(outline[:17] + centre) / 2, np.full((17, 1), 2)], axis=1)
    box = [*(centre - radius).tolist(), *(2 * radius).tolist()]
    (rle,) = coco_mask.frPyObjects([outline.ravel().tolist()], HEIGHT, WIDTH)
    return {
        "category_id": 1,
        "bbox": box,
        "area": box[2] * box[3],
        "segmentation": rle,
        "keypoints": joints.ravel().tolist(),
    }


def fastest(action: Callable[[], CocoScores], repeats: int) -> tuple[float, CocoScores]:
    """The shortest of several times in seconds, and the result."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        scores = action()
        times.append(time.perf_counter() - start)
    return min(times), scores


def main() -> None:
    args = parse_args()
    truth, detections = make_case(args.images, args.persons, args.detections, args.seed)
    ignored = frozenset(annotation["id"] for annotation in truth["annotations"][::3])
    print(
        f"{args.images} images x {args.persons} persons, {args.detections} detections, a third of the persons ignored"
    )
    for iou_type in IOU_TYPES:
        measured = {
            backend: fastest(
                lambda name=backend, kind=iou_type: evaluate_coco(
                    truth, detections, kind, backend=name, ignored=ignored
                ),
                args.repeats,
            )
            for backend in BACKENDS
        }
        (slow, expected), (fast, scores) = measured.values()
        same = np.array_equal(expected.precision, scores.precision) and np.array_equal(expected.recall, scores.recall)
        if not same:
            raise SystemExit(f"{iou_type}: {BACKENDS[1]} gives AP {scores.ap()!r}, {BACKENDS[0]} {expected.ap()!r}")
        print(
            f"{iou_type:<10} AP {scores.ap():.4f} (equal in every digit)   {BACKENDS[0]} {slow:6.2f} s   "
            f"{BACKENDS[1]} {fast:6.2f} s   ratio {slow / fast:.1f}"
        )


if __name__ == "__main__":
    main()
