"""COCO's average precision on plain dictionaries: ground truth and detections in, precision and recall out.

Two backends compute the same numbers: ``pycocotools`` is the reference, ``numpy`` is fast
(:mod:`~mmselfhuman.evaluation.coco_matching`). They differ in one place: pycocotools adds the spacing of 1.0 to a
denominator, so that the precision 1/1 becomes 0.9999999999999998 (every other quotient of integers is unchanged by it).
Here 1/1 is 1 for both, which makes them equal bit by bit, and perfect detections score exactly 1.
"""

import contextlib
import io
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import isfinite

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmselfhuman.evaluation.coco_matching import Detections, precision_and_recall
from mmselfhuman.structures import NUM_JOINTS

IOU_TYPES: tuple[str, ...] = ("segm", "keypoints", "bbox")
BACKENDS: tuple[str, ...] = ("pycocotools", "numpy")
MAX_DETS: dict[str, int] = {"segm": 100, "bbox": 100, "keypoints": 20}
"""COCO's limit of detections per image and category, for each IoU type."""

AREAS: dict[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
"""COCO's ranges of ``area`` in square pixels, both ends included."""

IOU_THRESHOLDS: np.ndarray = np.linspace(0.5, 0.95, 10)
RECALL_THRESHOLDS: np.ndarray = np.linspace(0.0, 1.0, 101)

RESULT_FIELDS: dict[str, str] = {"segm": "segmentation", "bbox": "bbox", "keypoints": "keypoints"}
"""What a COCO result carries, for each IoU type, beside ``image_id``, ``category_id`` and ``score``."""


_LENGTHS = {"keypoints": 3 * NUM_JOINTS, "bbox": 4}
_EXPECTED = {
    "keypoints": f"keypoint values; expected {NUM_JOINTS} x (x, y, score)",
    "bbox": "numbers of a box; expected x, y, w, h",
}


@dataclass(frozen=True, eq=False)
class CocoScores:
    """What COCOeval accumulates, with its averages.

    Attributes:
        precision: ``(T, R, K, A, M)`` interpolated precision at IoU threshold t, recall threshold r, category k, area
            range a and limit of detections m; -1 where there is nothing to find.
        recall: ``(T, K, A, M)`` recall reached; -1 where there is nothing to find.
        areas: The A names of area ranges.
        max_dets: The M limits, ascending.
    """

    precision: np.ndarray
    recall: np.ndarray
    areas: tuple[str, ...]
    max_dets: tuple[int, ...]

    def ap(self, iou: float | None = None, area: str = "all", max_dets: int | None = None) -> float:
        """Average precision, over all IoU thresholds or at one; NaN if there is nothing to find."""
        return _mean(self._select(self.precision, iou, area, max_dets))

    def ar(self, iou: float | None = None, area: str = "all", max_dets: int | None = None) -> float:
        """Average recall, over all IoU thresholds or at one; NaN if there is nothing to find."""
        return _mean(self._select(self.recall, iou, area, max_dets))

    def ap_by_iou(self, area: str = "all", max_dets: int | None = None) -> tuple[float, ...]:
        """Average precision at each of the T thresholds."""
        return tuple(self.ap(iou, area, max_dets) for iou in IOU_THRESHOLDS)

    def _select(self, values: np.ndarray, iou: float | None, area: str, max_dets: int | None) -> np.ndarray:
        if iou is not None:
            near = np.flatnonzero(np.isclose(IOU_THRESHOLDS, iou))
            if near.size == 0:
                raise ValueError(
                    f"IoU threshold {iou} was not evaluated; evaluated: {IOU_THRESHOLDS.round(2).tolist()}"
                )
            values = values[near]
        if area not in self.areas:
            raise ValueError(f"area range {area!r} was not evaluated; evaluated: {self.areas}")
        if max_dets is not None and max_dets not in self.max_dets:
            raise ValueError(f"a limit of {max_dets} detections was not evaluated; evaluated: {self.max_dets}")
        limit = -1 if max_dets is None else self.max_dets.index(max_dets)
        return values[..., self.areas.index(area), limit]


def evaluate_coco(
    ground_truth: dict,
    detections: Iterable[dict],
    iou_type: str = "segm",
    *,
    backend: str = "pycocotools",
    ignored: AbstractSet[int] = frozenset(),
    areas: Sequence[str] = ("all",),
    max_dets: Sequence[int] | None = None,
) -> CocoScores:
    """Score detections as COCOeval does.

    Neither argument is changed. Ids of annotations are replaced internally, so 0 is as good as any (in COCOeval it
    would mean 'unmatched').

    Args:
        ground_truth: A COCO data set: ``images`` (``id``; ``height`` and ``width`` for 'segm'), ``annotations``
            (``id``, ``image_id``, ``category_id``, ``area``, ``bbox``, and ``segmentation`` or ``keypoints`` if the
            type needs them; ``iscrowd`` is 0 if absent), ``categories`` (``id``).
        detections: COCO results: ``image_id``, ``category_id``, ``score`` and the field of the type: ``segmentation``
            (compressed RLE), ``keypoints`` (x, y, anything, ...) or ``bbox`` (x, y, w, h).
        iou_type: 'segm', 'keypoints' (OKS with COCO's sigmas) or 'bbox'.
        backend: 'pycocotools' or 'numpy', which is several times as fast.
        ignored: Ids of annotations that neither have to be found nor make a detection wrong: a detection that fits one
            is not counted. Each absorbs one detection, unlike a crowd, and is compared by the ordinary IoU.
        areas: Names from ``AREAS``.
        max_dets: Limits of detections per image and category; COCO's single largest by default.

    Returns:
        The accumulated precision and recall.

    Raises:
        ValueError: A detection has no finite score, an unknown image, a field missing or a mask whose size is not the
            image's; or the type, backend, area or an ignored id is unknown.
    """
    _check_choice("iou_type", iou_type, IOU_TYPES)
    for area in areas:
        _check_choice("area", area, tuple(AREAS))
    _check_choice("backend", backend, BACKENDS)
    limits = tuple(sorted(max_dets or (MAX_DETS[iou_type],)))
    images = {image["id"]: image for image in ground_truth["images"]}
    annotations = ground_truth["annotations"]
    unknown = set(ignored) - {annotation["id"] for annotation in annotations}
    if unknown:
        raise ValueError(f"ignored annotation {min(unknown)} is not in the ground truth")

    truths = [_truth(annotation, number, iou_type) for number, annotation in enumerate(annotations, 1)]
    found = _detections(detections, iou_type, images)
    if iou_type == "segm":
        _check_mask_sizes(truths, images, "ground truth")
    category_ids = sorted({category["id"] for category in ground_truth["categories"]})
    uncounted = {number for number, annotation in enumerate(annotations, 1) if annotation["id"] in ignored}
    ranges = [AREAS[area] for area in areas]
    if backend == "numpy":
        precision, recall = precision_and_recall(
            truths, found, iou_type, images, category_ids, uncounted, ranges, limits, IOU_THRESHOLDS, RECALL_THRESHOLDS
        )
    else:
        precision, recall = _by_pycocotools(
            truths, found, iou_type, ground_truth, category_ids, uncounted, ranges, limits
        )
    return CocoScores(precision, recall, tuple(areas), limits)


class _IgnoringCOCOeval(COCOeval):
    """Takes ignored annotations: COCOeval's own ``_prepare`` overwrites ``ignore`` with ``iscrowd``."""

    ignored: AbstractSet[int] = frozenset()

    def _prepare(self) -> None:
        super()._prepare()
        for annotation_id in self.ignored:
            self.cocoGt.anns[annotation_id]["ignore"] = 1


def _by_pycocotools(
    truths: list[dict],
    found: Detections,
    iou_type: str,
    ground_truth: dict,
    category_ids: Sequence[int],
    ignored: AbstractSet[int],
    ranges: Sequence[tuple[float, float]],
    limits: tuple[int, ...],
) -> tuple[np.ndarray, np.ndarray]:
    shape = (len(IOU_THRESHOLDS), len(category_ids), len(ranges), len(limits))
    if not truths:
        # COCO's index answers "no images" and "no categories" with everything, so nothing is better not asked.
        return np.full((shape[0], len(RECALL_THRESHOLDS), *shape[1:]), -1.0), np.full(shape, -1.0)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = _IgnoringCOCOeval(
            _indexed(ground_truth, truths), _indexed(ground_truth, _as_annotations(found, iou_type)), iou_type
        )
        evaluator.ignored = ignored
        evaluator.params.imgIds = sorted(image["id"] for image in ground_truth["images"])
        evaluator.params.catIds = category_ids
        evaluator.params.iouThrs = IOU_THRESHOLDS
        evaluator.params.recThrs = RECALL_THRESHOLDS
        evaluator.params.areaRng = [list(area) for area in ranges]
        evaluator.params.areaRngLbl = [str(area) for area in ranges]
        evaluator.params.maxDets = list(limits)
        evaluator.evaluate()
        evaluator.accumulate()
    precision, recall = evaluator.eval["precision"], evaluator.eval["recall"]
    nearest_to_one = 1 - 2 * np.spacing(1.0)
    return np.where(precision >= nearest_to_one, 1.0, precision), recall


def _as_annotations(found: Detections, iou_type: str) -> list[dict]:
    values = found.values if iou_type == "segm" else found.values.tolist()
    columns = (found.image_ids, found.category_ids, found.scores.tolist(), values, found.areas.tolist())
    names = ("image_id", "category_id", "score", RESULT_FIELDS[iou_type], "area")
    rows = zip(*columns, strict=True)
    return [dict(zip(names, row, strict=True), id=number, iscrowd=0) for number, row in enumerate(rows, 1)]


def _indexed(ground_truth: dict, annotations: list[dict]) -> COCO:
    index = COCO()
    index.dataset = {
        "images": [dict(image) for image in ground_truth["images"]],
        "annotations": annotations,
        "categories": ground_truth["categories"],
    }
    index.createIndex()
    return index


def _truth(annotation: dict, number: int, iou_type: str) -> dict:
    fields = ["image_id", "category_id", "area", "bbox"]
    if iou_type != "bbox":
        fields.append(RESULT_FIELDS[iou_type])
    missing = [field for field in fields if annotation.get(field) is None]
    if missing:
        raise ValueError(f"annotation {annotation.get('id')} of the ground truth has no {missing[0]!r}")
    truth = {field: annotation[field] for field in fields}
    truth |= {"id": number, "iscrowd": int(annotation.get("iscrowd", 0))}
    if iou_type == "keypoints":
        truth["num_keypoints"] = sum(v > 0 for v in annotation["keypoints"][2::3])
    return truth


def _detections(results: Iterable[dict], iou_type: str, images: dict) -> Detections:
    """The results by column, checked, with the areas that COCO's ``loadRes`` derives."""
    field = RESULT_FIELDS[iou_type]
    image_ids, category_ids, scores, values = [], [], [], []
    for number, result in enumerate(results, 1):
        image_id, category_id = result.get("image_id"), result.get("category_id")
        score, value = result.get("score"), result.get(field)
        image = images.get(image_id)
        if image is None:
            raise ValueError(f"detection {number} is on image {image_id!r}, which is not in the ground truth")
        if category_id is None or score is None or value is None:
            missing = next(name for name in ("category_id", "score", field) if result.get(name) is None)
            raise ValueError(
                f"{_where(number, image)} has no {missing!r}, which {iou_type!r} evaluation needs; "
                f"it has {sorted(result)}"
            )
        if not isfinite(score):
            raise ValueError(f"{_where(number, image)} has the score {score}; expected a finite number")
        if iou_type == "segm":
            if not isinstance(value, dict) or not isinstance(value.get("counts"), (str, bytes)):
                raise ValueError(f"the mask of {_where(number, image)} is no compressed RLE")
            if tuple(value["size"]) != (image["height"], image["width"]):
                _check_mask_size(value, image, _where(number, image))
        elif len(value) != _LENGTHS[iou_type]:
            raise ValueError(f"{_where(number, image)} has {len(value)} {_EXPECTED[iou_type]}")
        image_ids.append(image_id)
        category_ids.append(category_id)
        scores.append(score)
        values.append(value)
    if iou_type == "segm":
        # pycocotools counts the masks of a call in eight bits.
        areas = [area for start in range(0, len(values), 255) for area in coco_mask.area(values[start : start + 255])]
    else:
        values = np.array(values, float).reshape(len(values), _LENGTHS[iou_type])
        broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if broken.size:
            where = _where(broken[0] + 1, images[image_ids[broken[0]]])
            raise ValueError(f"{where} has a {field} value that is not finite: {values[broken[0]].tolist()}")
        sides = values[:, 2:] if iou_type == "bbox" else np.ptp(values.reshape(-1, NUM_JOINTS, 3)[..., :2], axis=1)
        areas = sides[:, 0] * sides[:, 1]
    return Detections(image_ids, category_ids, np.array(scores, float), values, np.array(areas, float))


def _where(number: int, image: dict) -> str:
    return f"detection {number} on image {image.get('file_name', image['id'])!r}"


def _check_mask_sizes(truths: list[dict], images: dict, what: str) -> None:
    for truth in truths:
        image = images.get(truth["image_id"])
        if image is not None and isinstance(truth["segmentation"], dict):
            _check_mask_size(truth["segmentation"], image, f"{what} on image {image.get('file_name', image['id'])!r}")


def _check_mask_size(mask: dict, image: dict, where: str) -> None:
    size, expected = [int(side) for side in mask["size"]], [image["height"], image["width"]]
    if size != expected:
        raise ValueError(
            f"the mask of {where} is {size[0]} x {size[1]} (h x w); the image is {expected[0]} x {expected[1]}"
        )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {choices}, got {value!r}")


def _mean(values: np.ndarray) -> float:
    valid = values[values > -1]
    return float(valid.mean()) if valid.size else float("nan")
