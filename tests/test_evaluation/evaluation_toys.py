"""Tiny ground truths and predictions whose scores can be worked out by hand."""

import contextlib
import copy
import io
from functools import cache

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmselfhuman.structures import SIGMAS

SIZE = (40, 50)
"""(height, width) of every toy image."""


def rectangle(x: int, y: int, w: int, h: int, hole: tuple[int, int, int, int] | None = None, size=SIZE) -> dict:
    mask = np.zeros(size, np.uint8, order="F")
    mask[y : y + h, x : x + w] = 1
    if hole:
        mask[hole[1] : hole[1] + hole[3], hole[0] : hole[0] + hole[2]] = 0
    rle = coco_mask.encode(mask)
    return {"size": list(size), "counts": rle["counts"].decode()}


def joints(x: int, y: int, w: int, h: int) -> list[float]:
    """17 visible joints on the diagonal of a box, as COCO lists them."""
    steps = np.linspace(0, 1, 17)
    return np.stack([x + w * steps, y + h * steps, np.full(17, 2)], axis=1).ravel().tolist()


def person(id: int, image_id: int, box: tuple[int, int, int, int], **fields) -> dict:
    annotation = {
        "id": id,
        "image_id": image_id,
        "category_id": 1,
        "bbox": list(box),
        "area": box[2] * box[3],
        "iscrowd": 0,
        "segmentation": rectangle(*box),
        "keypoints": joints(*box),
        "num_keypoints": 17,
    }
    return {key: value for key, value in (annotation | fields).items() if value is not None}


def coco(images: dict[int, str], annotations: list[dict]) -> dict:
    return {
        "images": [{"id": i, "file_name": n, "height": SIZE[0], "width": SIZE[1]} for i, n in images.items()],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
    }


def found(image_id: int, box: tuple[int, int, int, int], score: float, **fields) -> dict:
    """A COCO result of every type at once."""
    result = {
        "image_id": image_id,
        "category_id": 1,
        "score": score,
        "segmentation": rectangle(*box),
        "bbox": list(box),
        "keypoints": joints(*box),
    }
    return result | fields


def random_case(seed: int, num_images: int = 6, ties: bool = True, crowds: bool = True) -> tuple[dict, list[dict]]:
    """Overlapping persons and detections that fit them more or less, of all types."""
    rng = np.random.default_rng(seed)
    annotations, results = [], []
    for image_id in range(1, num_images + 1):
        boxes = [_random_box(rng) for _ in range(rng.integers(0, 5))]
        for box in boxes:
            visible = rng.integers(0, 3, 17) * (rng.random() > 0.1)
            keypoints = np.reshape(joints(*box), (17, 3))
            keypoints[:, 2] = visible
            annotations.append(
                person(
                    len(annotations) + 1,
                    image_id,
                    box,
                    iscrowd=int(crowds and rng.random() < 0.2),
                    keypoints=keypoints.ravel().tolist(),
                    num_keypoints=int((visible > 0).sum()),
                )
            )
        for _ in range(rng.integers(0, 8)):
            near = boxes and rng.random() < 0.8
            box = _jittered(boxes[rng.integers(len(boxes))], rng) if near else _random_box(rng)
            score = float(rng.integers(1, 6) / 5 if ties else rng.random())
            results.append(found(image_id, box, score))
    return coco({i: f"{i}.jpg" for i in range(1, num_images + 1)}, annotations), results


def plain_pycocotools(ground_truth: dict, results: list[dict], iou_type: str) -> COCOeval:
    """The official evaluation, used as its authors do: ``loadRes``, evaluate, accumulate, summarize."""
    field = {"segm": "segmentation", "bbox": "bbox", "keypoints": "keypoints"}[iou_type]
    keep = ("image_id", "category_id", "score", field)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(ground_truth)
        truth.createIndex()
        evaluator = COCOeval(truth, truth.loadRes([{key: r[key] for key in keep} for r in results]), iou_type)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator


def box_iou(result: dict, annotation: dict) -> float:
    a, b = result["bbox"], annotation["bbox"]
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(w, 0) * max(h, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def mask_iou(result: dict, annotation: dict) -> float:
    a, b = pixels(result["segmentation"]["counts"]), pixels(annotation["segmentation"]["counts"])
    return (a & b).sum() / (a | b).sum()


@cache
def pixels(counts: str) -> np.ndarray:
    return coco_mask.decode({"size": list(SIZE), "counts": counts.encode()}).astype(bool)


def oks(result: dict, annotation: dict) -> float:
    d, g = (np.reshape(entry["keypoints"], (17, 3)) for entry in (result, annotation))
    labelled = g[:, 2] > 0
    if not labelled.any():
        return 0.0
    squared = ((d - g)[labelled, :2] ** 2).sum(axis=1)
    return np.exp(-squared / (8 * SIGMAS[labelled] ** 2 * annotation["area"])).mean()


def brute_force(truth: dict, results: list[dict], iou_type: str, ignored: frozenset[int] = frozenset()) -> float:
    """AP by definition: match greedily, an ignored person only where no other fits, and leave such matches out."""
    likeness = {"keypoints": oks, "segm": mask_iou, "bbox": box_iou}[iou_type]
    wanted = sum(a["id"] not in ignored for a in truth["annotations"])
    aps = []
    for threshold in np.linspace(0.5, 0.95, 10):
        outcomes = []
        for image in truth["images"]:
            free = [a for a in truth["annotations"] if a["image_id"] == image["id"]]
            mine = sorted((r for r in results if r["image_id"] == image["id"]), key=lambda r: -r["score"])
            for result in mine[: 20 if iou_type == "keypoints" else 100]:
                fits = [(likeness(result, a), a) for a in free if likeness(result, a) >= threshold]
                counted = [fit for fit in fits if fit[1]["id"] not in ignored]
                best = max(counted or fits, key=lambda fit: fit[0], default=None)
                if best is not None:
                    free.remove(best[1])
                if best is None or counted:
                    outcomes.append((result["score"], best is not None))
        outcomes.sort(key=lambda outcome: -outcome[0])
        hits = np.cumsum([hit for _, hit in outcomes])
        precision, recall = hits / np.arange(1, len(hits) + 1), hits / wanted
        aps.append([precision[recall >= r].max(initial=0) for r in np.linspace(0, 1, 101)])
    return np.mean(aps)


def _random_box(rng: np.random.Generator) -> tuple[int, int, int, int]:
    x, y = int(rng.integers(0, SIZE[1] - 4)), int(rng.integers(0, SIZE[0] - 4))
    return x, y, int(rng.integers(2, SIZE[1] - x + 1)), int(rng.integers(2, SIZE[0] - y + 1))


def _jittered(box: tuple[int, int, int, int], rng: np.random.Generator) -> tuple[int, int, int, int]:
    x1, y1 = max(0, box[0] + int(rng.integers(-2, 3))), max(0, box[1] + int(rng.integers(-2, 3)))
    x2 = min(SIZE[1], max(x1 + 1, box[0] + box[2] + int(rng.integers(-2, 3))))
    y2 = min(SIZE[0], max(y1 + 1, box[1] + box[3] + int(rng.integers(-2, 3))))
    return x1, y1, x2 - x1, y2 - y1
