"""One COCO annotation, checked and made a person."""

import numpy as np
from pycocotools import mask as coco_mask

from mmselfhuman.datasets.sources.masks import numbers, to_rle
from mmselfhuman.structures import NUM_JOINTS, Box, Person
from mmselfhuman.structures.rle import MaskError

_LARGEST = float(np.finfo(np.float32).max)
"""Beyond it, numbers overflow where arrays hold them."""


class BrokenAnnotation(ValueError):
    """An annotation that cannot be used, while its file can.

    Attributes:
        kind: What is wrong, in words that are the same for all annotations with this fault.
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind


def parse_person(entry: dict, height: int, width: int, joint_order: list[int | None]) -> Person:
    """Make a person of an annotation of a COCO-format file.

    Args:
        entry: The annotation. ``id`` and ``bbox`` must be there; ``segmentation``, ``keypoints``, ``area``,
            ``iscrowd``, ``max_iou`` and ``track_id`` may be.
        height: Of its image, in pixels.
        width: Of its image, in pixels.
        joint_order: Where the annotation keeps each of COCO's 17 joints; ``None`` for those that it lacks.

    Returns:
        The person. Without ``area``, the area of the mask or, lacking one, of the box stands in. Keypoints of which
        none is labelled count as no keypoints, which is how COCO writes that.

    Raises:
        BrokenAnnotation: A value is not finite, out of range, or does not fit the image.
    """
    box = _parse_box(entry["bbox"], height, width)
    mask = _parse_mask(entry.get("segmentation"), height, width)
    area = entry.get("area", box[2] * box[3] if mask is None else float(coco_mask.area(mask)))
    if not is_finite(area) or area < 0:
        raise BrokenAnnotation("area not a finite number", repr(area))
    crowd = entry.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise BrokenAnnotation("iscrowd not 0 or 1", repr(crowd))
    max_iou = entry.get("max_iou")
    if max_iou is not None and not is_max_iou(max_iou):
        raise BrokenAnnotation("max_iou outside [0, 1]", repr(max_iou))
    track_id = entry.get("track_id")
    if track_id is not None and not isinstance(track_id, int):
        raise BrokenAnnotation("track_id no integer", repr(track_id))
    return Person(
        id=entry["id"],
        box=box,
        area=float(area),
        mask=mask,
        keypoints=_parse_keypoints(entry.get("keypoints"), joint_order),
        crowd=bool(crowd),
        max_iou=None if max_iou is None else float(max_iou),
        track_id=track_id,
    )


def is_max_iou(value: object) -> bool:
    """Whether a value from a JSON file can be a MaxIoU: a number in [0, 1], give or take rounding."""
    return is_finite(value) and -1e-6 <= value <= 1 + 1e-6


def _parse_box(value: object, height: int, width: int) -> Box:
    if not isinstance(value, list) or len(value) != 4 or not all(map(is_finite, value)):
        raise BrokenAnnotation("box not four finite numbers", repr(value))
    x, y, w, h = map(float, value)
    if w <= 0 or h <= 0:
        raise BrokenAnnotation("box of zero size", repr(value))
    if x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise BrokenAnnotation("box outside the image", repr(value))
    return x, y, w, h


def _parse_mask(value: object, height: int, width: int) -> dict | None:
    if not value:
        return None
    try:
        return to_rle(value, height, width)
    except MaskError as error:
        raise BrokenAnnotation("malformed mask", str(error)) from error


def _parse_keypoints(value: object, joint_order: list[int | None]) -> np.ndarray | None:
    if not value:
        return None
    if not isinstance(value, list) or len(value) != 3 * NUM_JOINTS:
        raise BrokenAnnotation(f"keypoints not {NUM_JOINTS} x 3 numbers")
    stored = numbers(value).reshape(NUM_JOINTS, 3).astype(np.float32)
    if not np.isfinite(stored).all():
        raise BrokenAnnotation("keypoints not finite")
    if not set(stored[:, 2].tolist()) <= {0, 1, 2}:
        raise BrokenAnnotation("keypoint visibility not 0, 1 or 2")
    keypoints = np.zeros_like(stored)
    known = [joint for joint, index in enumerate(joint_order) if index is not None]
    keypoints[known] = stored[[joint_order[joint] for joint in known]]
    return keypoints if keypoints[:, 2].any() else None


def is_finite(value: object) -> bool:
    """Whether a value from a JSON file is a number that single precision can hold: neither NaN nor infinite."""
    return isinstance(value, int | float) and -_LARGEST <= value <= _LARGEST
