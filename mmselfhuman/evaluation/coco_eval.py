"""COCO's average precision on plain dictionaries: ground truth and detections in, precision and recall out.

Two backends compute the same numbers. ``pycocotools`` is the reference; ``faster_coco_eval`` is its port to C++. They
differ in one place: pycocotools adds the spacing of 1.0 to a denominator, so that the precision 1/1 becomes
0.9999999999999998 (every other quotient of integers is unchanged by it). Here 1/1 is 1 for both, which makes them equal
bit by bit, and perfect detections score exactly 1.
"""

import contextlib
import io
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

IOU_TYPES: tuple[str, ...] = ("segm", "keypoints", "bbox")
BACKENDS: tuple[str, ...] = ("pycocotools", "faster_coco_eval")
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
        backend: 'pycocotools', or 'faster_coco_eval' if it is installed.
        ignored: Ids of annotations that neither have to be found nor make a detection wrong: a detection that fits one
            is not counted. Each absorbs one detection, unlike a crowd, and is compared by the ordinary IoU.
        areas: Names from ``AREAS``.
        max_dets: Limits of detections per image and category; COCO's single largest by default.

    Returns:
        The accumulated precision and recall.

    Raises:
        ValueError: A detection has no finite score, an unknown image, a field missing or a mask whose size is not the
            image's; or the type, backend, area or an ignored id is unknown.
        ImportError: The backend is not installed.
    """
    _check_choice("iou_type", iou_type, IOU_TYPES)
    for area in areas:
        _check_choice("area", area, tuple(AREAS))
    coco_class, evaluator_class = _backend(backend)
    limits = tuple(sorted(max_dets or (MAX_DETS[iou_type],)))
    images = {image["id"]: image for image in ground_truth["images"]}
    annotations = ground_truth["annotations"]
    unknown = set(ignored) - {annotation["id"] for annotation in annotations}
    if unknown:
        raise ValueError(f"ignored annotation {min(unknown)} is not in the ground truth")

    truths = [_truth(annotation, number, iou_type) for number, annotation in enumerate(annotations, 1)]
    found = [_detection(result, number, iou_type, images) for number, result in enumerate(detections, 1)]
    if iou_type == "segm":
        _check_mask_sizes(truths, images, "ground truth")
    category_ids = sorted({category["id"] for category in ground_truth["categories"]})
    if not truths:
        # COCO's index answers "no images" and "no categories" with everything, so nothing is better not asked.
        shape = (len(IOU_THRESHOLDS), len(category_ids), len(areas), len(limits))
        precision = np.full((shape[0], len(RECALL_THRESHOLDS), *shape[1:]), -1.0)
        return CocoScores(precision, np.full(shape, -1.0), tuple(areas), limits)

    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = evaluator_class(
            _indexed(coco_class, ground_truth, truths), _indexed(coco_class, ground_truth, found), iou_type
        )
        evaluator.ignored = [number for number, a in enumerate(annotations, 1) if a["id"] in ignored]
        evaluator.params.imgIds = sorted(images)
        evaluator.params.catIds = category_ids
        evaluator.params.iouThrs = IOU_THRESHOLDS
        evaluator.params.recThrs = RECALL_THRESHOLDS
        evaluator.params.areaRng = [list(AREAS[area]) for area in areas]
        evaluator.params.areaRngLbl = list(areas)
        evaluator.params.maxDets = list(limits)
        evaluator.evaluate()
        evaluator.accumulate()
    shape = (len(IOU_THRESHOLDS), len(category_ids), len(areas), len(limits))
    precision = np.asarray(evaluator.eval["precision"]).reshape(shape[0], len(RECALL_THRESHOLDS), *shape[1:])
    recall = np.asarray(evaluator.eval["recall"]).reshape(shape)
    nearest_to_one = 1 - 2 * np.spacing(1.0)
    return CocoScores(np.where(precision >= nearest_to_one, 1.0, precision), recall, tuple(areas), limits)


class _Ignoring:
    """Adds ignored annotations to a COCOeval: its own ``_prepare`` overwrites ``ignore`` with ``iscrowd``."""

    ignored: Sequence[int] = ()

    def _prepare(self) -> None:
        super()._prepare()
        for annotation_id in self.ignored:
            self.cocoGt.anns[annotation_id]["ignore"] = 1


def _backend(name: str) -> tuple[type, type]:
    """The backend's classes ``COCO`` and ``COCOeval`` (with ignored annotations)."""
    _check_choice("backend", name, BACKENDS)
    if name == "pycocotools":
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    else:
        try:
            from faster_coco_eval.core.coco import COCO
            from faster_coco_eval.core.faster_eval_api import COCOeval_faster as COCOeval
        except ImportError as error:
            raise ImportError(
                "backend 'faster_coco_eval' is not installed: pip install faster-coco-eval (or use 'pycocotools')"
            ) from error
    return COCO, type("IgnoringCOCOeval", (_Ignoring, COCOeval), {})


def _indexed(coco_class: type, ground_truth: dict, annotations: list[dict]):
    index = coco_class()
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


def _detection(result: dict, number: int, iou_type: str, images: dict) -> dict:
    field = RESULT_FIELDS[iou_type]
    image = images.get(result.get("image_id"))
    if image is None:
        raise ValueError(f"detection {number} is on image {result.get('image_id')!r}, which is not in the ground truth")
    where = f"detection {number} on image {image.get('file_name', image['id'])!r}"
    missing = [name for name in ("category_id", "score", field) if result.get(name) is None]
    if missing:
        raise ValueError(f"{where} has no {missing[0]!r}, which {iou_type!r} evaluation needs; it has {sorted(result)}")
    if not np.isfinite(result["score"]):
        raise ValueError(f"{where} has the score {result['score']}; expected a finite number")
    detection = {
        "id": number,
        "image_id": result["image_id"],
        "category_id": result["category_id"],
        "score": float(result["score"]),
        field: result[field],
        "iscrowd": 0,
    }
    return detection | _extent(result[field], iou_type, image, where)


def _extent(value, iou_type: str, image: dict, where: str) -> dict:
    """The detection's ``area``, as COCO's ``loadRes`` derives it."""
    if iou_type == "segm":
        if not isinstance(value, dict) or not isinstance(value.get("counts"), str | bytes):
            raise ValueError(f"the mask of {where} is no compressed RLE")
        _check_mask_size(value, image, where)
        return {"area": float(coco_mask.area(value))}
    if not np.isfinite(value).all():
        raise ValueError(f"{where} has a {RESULT_FIELDS[iou_type]} value that is not finite: {value}")
    if iou_type == "bbox":
        return {"area": value[2] * value[3]}
    if len(value) != 51:
        raise ValueError(f"{where} has {len(value)} keypoint values; expected 17 x (x, y, score)")
    x, y = value[0::3], value[1::3]
    return {"area": (max(x) - min(x)) * (max(y) - min(y))}


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
