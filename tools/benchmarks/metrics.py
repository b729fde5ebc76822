"""Compare the backends of the metrics with pycocotools as its authors use it: the same digits, and how much faster.

    python tools/benchmarks/metrics.py --images 5000 --detections 20

Timed is everything from dictionaries to average precision, in turns: pycocotools' ``createIndex``, ``loadRes``,
``evaluate`` and ``accumulate``, against ``evaluate_coco`` with either backend. Both evaluate COCO's ranges of areas and
limits of detections (four and three; for poses, three and one), and persons of all sizes with one limit, as OCHuman
does. Prints Markdown; digits that differ end it.
"""

import argparse
import contextlib
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmselfhuman.evaluation import evaluate_coco
from mmselfhuman.evaluation.coco_eval import AREAS, BACKENDS, IOU_TYPES, MAX_DETS, RESULT_FIELDS

HEIGHT, WIDTH = 480, 640


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000)
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
        "iscrowd": 0,
        "num_keypoints": 17,
        "segmentation": rle,
        "keypoints": joints.ravel().tolist(),
    }


def plain(truth: dict, detections: list[dict], iou_type: str, areas: tuple[str, ...], limits: tuple[int, ...]) -> dict:
    """What pycocotools accumulates."""
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO()
        ground_truth.dataset = truth
        ground_truth.createIndex()
        evaluator = COCOeval(ground_truth, ground_truth.loadRes(detections), iou_type)
        evaluator.params.areaRng = [AREAS[area] for area in areas]
        evaluator.params.areaRngLbl = list(areas)
        evaluator.params.maxDets = list(limits)
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator.eval


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def compare(truth: dict, detections: list[dict], iou_type: str, areas: tuple[str, ...], repeats: int) -> str:
    """A row of the table."""
    fields = ("image_id", "category_id", "score", RESULT_FIELDS[iou_type])
    results = [{name: detection[name] for name in fields} for detection in detections]
    limits = (1, 10, 100) if len(areas) == 4 else (MAX_DETS[iou_type],)
    seconds: dict[str, list[float]] = {"plain": [], **{backend: [] for backend in BACKENDS}}
    for _ in range(repeats):
        # pycocotools writes into what it is given.
        copies = [dict(result) for result in results]
        own_truth = truth | {"annotations": [dict(annotation) for annotation in truth["annotations"]]}
        taken, expected = timed(
            lambda own=own_truth, own_results=copies: plain(own, own_results, iou_type, areas, limits)
        )
        seconds["plain"].append(taken)
        for backend in BACKENDS:
            taken, scores = timed(
                lambda name=backend: evaluate_coco(truth, results, iou_type, backend=name, areas=areas, max_dets=limits)
            )
            seconds[backend].append(taken)
            # pycocotools' own 1/1 is the last digit below 1.
            nearly = np.where(expected["precision"] >= 1 - 2 * np.spacing(1.0), 1.0, expected["precision"])
            if not (np.array_equal(nearly, scores.precision) and np.array_equal(expected["recall"], scores.recall)):
                raise SystemExit(
                    f"{iou_type}, {backend}: AP {scores.ap()!r}, pycocotools {nearly[nearly > -1].mean()!r}"
                )
    peer, *ours = (min(each) for each in seconds.values())
    cells = " | ".join(f"{value:.2f} | {peer / value:.1f}" for value in ours)
    return f"| {iou_type} | {', '.join(areas)} | {scores.ap():.4f} | {peer:.2f} | {cells} |"


def main() -> None:
    args = parse_args()
    truth, detections = make_case(args.images, args.persons, args.detections, args.seed)
    print(f"{args.images} images x {args.persons} persons x {args.detections} detections, seconds\n")
    headings = " | ".join(f"ours, {backend} | times as fast" for backend in BACKENDS)
    print(
        f"| | areas | AP (equal in every digit) | pycocotools | {headings} |\n|---|---|---|---|"
        + "---|---|" * len(BACKENDS)
    )
    for iou_type in IOU_TYPES:
        ranges = tuple(name for name in AREAS if iou_type != "keypoints" or name != "small")
        for areas in (ranges, ("all",)):
            print(compare(truth, detections, iou_type, areas, args.repeats), flush=True)


if __name__ == "__main__":
    main()
