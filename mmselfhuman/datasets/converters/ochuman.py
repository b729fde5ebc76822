"""OCHuman's own annotation file made COCO-format files, as its official API does."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from mmselfhuman.datasets.sources.annotation import is_finite, is_max_iou
from mmselfhuman.datasets.sources.coco_file import AnnotationFileError, is_inside, load_json
from mmselfhuman.datasets.sources.export import CATEGORY_ID, person_category, rle_to_json
from mmselfhuman.datasets.sources.masks import to_rle, union_mask
from mmselfhuman.structures import JOINTS, is_image_size
from mmselfhuman.structures.rle import MaskError

VALIDATION_IMAGES = 2500
"""The first so many images with a kept person, in file order, are ``val``; the rest are ``test``."""

MAX_IOU_RANGES = ((0.0, 1.0), (0.5, 0.75), (0.75, 1.0))
"""All, moderate, hard; half open."""

_VISIBILITY = {0: 0, 1: 2, 2: 2, 3: 1}
"""OCHuman's missing, visible, hidden by the person's own body, hidden by others -> COCO's ``v``."""


@dataclass(frozen=True)
class _Image:
    entry: dict
    annotations: tuple[dict, ...]
    fully_labelled: bool


def load_ochuman(path: str) -> dict:
    """Load ``ochuman.json``.

    Raises:
        FileNotFoundError: There is no such file.
        AnnotationFileError: It is malformed, or has not the lists of an OCHuman file.
    """
    dataset = load_json(path)
    for key in ("images", "keypoint_names"):
        if not isinstance(dataset.get(key), list) or not dataset[key]:
            raise AnnotationFileError(f"{path}: no list '{key}'; is this OCHuman's own ochuman.json?")
    lacking = [joint for joint in JOINTS if joint not in dataset["keypoint_names"]]
    if lacking:
        raise AnnotationFileError(f"{path}: 'keypoint_names' lacks {lacking}")
    return dataset


def range_file_name(split: str, max_iou_range: tuple[float, float]) -> str:
    """The official name of the file with the persons whose MaxIoU lies in ``[low, high)``."""
    low, high = max_iou_range
    return f"ochuman_coco_format_{split}_range_{low:.2f}_{high:.2f}.json"


def convert_ochuman(
    dataset: dict,
    validation_images: int = VALIDATION_IMAGES,
    progress: Callable[[Sequence[dict]], Iterable[dict]] = iter,
) -> dict[str, dict]:
    """Make the COCO-format files of OCHuman.

    Kept are the persons with keypoints **and** a mask, and the images with such a person. They are split in the order
    of the file (not of the ids). Persons outside a file's range of MaxIoU are dropped, not ignored, and so are the
    images left empty; image and annotation ids count from 1 in every file, so that ``file_name`` is what joins two of
    them. ``area`` is the area of the *box*. Beyond what the official files have, every annotation carries ``max_iou``
    and ``file_name``.

    Args:
        dataset: What :func:`load_ochuman` returns.
        validation_images: How many images make ``val``.
        progress: Wraps the list of images to show how far the conversion is.

    Returns:
        Content by file name. For ``val`` and ``test``: one file per range of ``MAX_IOU_RANGES``;
        ``ochuman_coco_format_{split}_all.json`` with every kept person, whatever the MaxIoU; and
        ``ochuman_coco_format_{split}_fully_labelled.json`` with those images of it in which every box has a mask.

    Raises:
        AnnotationFileError: An entry lacks a key or has a value out of range; the message names image and person.
    """
    converted = (_convert_image(image, dataset["keypoint_names"]) for image in progress(dataset["images"]))
    images = [image for image in converted if image.annotations]
    files = {}
    for split, part in (("val", images[:validation_images]), ("test", images[validation_images:])):
        for low, high in MAX_IOU_RANGES:
            in_range = [_Image(i.entry, _in_range(i, low, high), i.fully_labelled) for i in part]
            files[range_file_name(split, (low, high))] = _number([image for image in in_range if image.annotations])
        files[f"ochuman_coco_format_{split}_all.json"] = _number(part)
        files[f"ochuman_coco_format_{split}_fully_labelled.json"] = _number([i for i in part if i.fully_labelled])
    return files


def _in_range(image: _Image, low: float, high: float) -> tuple[dict, ...]:
    return tuple(annotation for annotation in image.annotations if low <= annotation["max_iou"] < high)


def _number(images: list[_Image]) -> dict:
    """Put images and persons into one file, with ids from 1."""
    entries, annotations = [], []
    for image_id, image in enumerate(images, start=1):
        entries.append({"id": image_id, **image.entry})
        for annotation in image.annotations:
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **annotation})
    return {"images": entries, "annotations": annotations, "categories": [person_category()]}


def _convert_image(image: dict, joint_names: list[str]) -> _Image:
    place = f"image {image.get('file_name')!r}" if isinstance(image, dict) else "an image"
    _require(image, {"file_name": str, "width": int, "height": int, "annotations": list}, place)
    if not is_inside(image["file_name"]):
        raise AnnotationFileError(f"{place}: expected a file name inside the folder of images")
    if not is_image_size(image["height"], image["width"]):
        raise AnnotationFileError(f"{place}: {image['width']} x {image['height']} pixels are no size of an image")
    kept, has_mask = [], []
    for number, person in enumerate(image["annotations"]):
        where = f"{place}, person {number}"
        _require(person, {"bbox": list, "keypoints": list | None, "segms": dict | None, "max_iou": object}, where)
        has_mask.append(bool(person["segms"]))
        if person["keypoints"] and person["segms"]:
            kept.append({**_convert_person(person, image, joint_names, where), "file_name": image["file_name"]})
    entry = {key: image[key] for key in ("file_name", "height", "width")}
    return _Image(entry, tuple(kept), all(has_mask))


def _convert_person(person: dict, image: dict, joint_names: list[str], where: str) -> dict:
    max_iou, box = person["max_iou"], person["bbox"]
    if not is_max_iou(max_iou):
        raise AnnotationFileError(f"{where}: max_iou is {max_iou!r}, expected a number in [0, 1]")
    if len(box) != 4 or not all(map(is_finite, box)):
        raise AnnotationFileError(f"{where}: bbox is {box!r}, expected [x1, y1, x2, y2]")
    x1, y1, x2, y2 = box
    keypoints = _convert_keypoints(person["keypoints"], joint_names, where)
    return {
        "category_id": CATEGORY_ID,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": (x2 - x1) * (y2 - y1),
        "iscrowd": 0,
        "num_keypoints": sum(v > 0 for v in keypoints[2::3]),
        "keypoints": keypoints,
        "segmentation": _convert_mask(person["segms"], image, where),
        "max_iou": max_iou,
    }


def _convert_keypoints(values: list, joint_names: list[str], where: str) -> list:
    if len(values) != 3 * len(joint_names):
        raise AnnotationFileError(
            f"{where}: {len(values)} keypoint numbers, expected 3 for each of the {len(joint_names)} keypoint_names"
        )
    keypoints = []
    for joint in JOINTS:
        index = 3 * joint_names.index(joint)
        x, y, visible = values[index : index + 3]
        if not all(map(is_finite, (x, y, visible))) or visible not in _VISIBILITY:
            raise AnnotationFileError(
                f"{where}: {joint} is {[x, y, visible]}, expected finite x, y and one of {list(_VISIBILITY)}"
            )
        keypoints += [x, y, _VISIBILITY[visible]]
    return keypoints


def _convert_mask(segms: dict, image: dict, where: str) -> dict:
    """The union of the ``outer`` polygons minus the union of the ``inner`` ones, as JSON's compressed RLE.

    A polygon of fewer than three points encloses nothing.
    """
    height, width = image["height"], image["width"]
    _require(segms, {"outer": list, "inner": list}, f"{where}, segms")
    if (segms.get("height", height), segms.get("width", width)) != (height, width):
        raise AnnotationFileError(
            f"{where}: segms of {segms['width']} x {segms['height']} in an image of {width} x {height}"
        )
    filled = {}
    for part in ("outer", "inner"):
        try:
            polygons = [to_rle([p], height, width) for p in segms[part] if not isinstance(p, list) or len(p) >= 6]
        except MaskError as error:
            raise AnnotationFileError(f"{where}, {part}: {error}") from error
        filled[part] = union_mask(polygons, height, width)
    mask = filled["outer"] & ~filled["inner"]
    return rle_to_json(coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8)))


def _require(entry: dict, kinds: dict[str, Any], where: str) -> None:
    """Check that an entry of the file has certain keys, with values of certain types."""
    if not isinstance(entry, dict):
        raise AnnotationFileError(f"{where} is a {type(entry).__name__}, expected an object")
    missing = [key for key in kinds if key not in entry]
    if missing:
        raise AnnotationFileError(f"{where} lacks {missing}; it has {sorted(entry)}")
    for key, kind in kinds.items():
        if not isinstance(entry[key], kind):
            raise AnnotationFileError(f"{where}: {key} is a {type(entry[key]).__name__}, expected {kind}")
