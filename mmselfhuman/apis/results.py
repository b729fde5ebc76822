"""What is said about the persons of an image, as plain values, as files, and as a picture."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmselfhuman.models.detectors.persons import FramePersons
from mmselfhuman.pseudo_labels.files import replacing
from mmselfhuman.structures.rle import decode_box
from mmselfhuman.visualization import draw_skeletons
from mmselfhuman.visualization.overlays import draw_mask, draw_text
from mmselfhuman.visualization.palette import person_colours

_PERSON = 1  # COCO's category


def to_prediction(persons: FramePersons, file_name: str, image_id: int) -> dict[str, Any]:
    """The persons of an image as values that JSON knows.

    Returns:
        ``file_name``, ``image_id``, ``height``, ``width`` and ``instances``, best first, each a COCO result with
        ``bbox`` ``[x, y, w, h]`` around the mask, ``segmentation`` (compressed RLE), ``keypoints`` (51 numbers ``(x, y,
        score)``), ``score``, ``category_id`` 1 and, in videos, ``track_id``.
    """
    boxes, keypoints = persons.boxes(), persons.poses.keypoints.flatten(1).double().cpu().numpy()
    ids = persons.poses.track_ids
    instances = []
    for number, (mask, score) in enumerate(zip(persons.masks, persons.scores.tolist(), strict=True)):
        instance = {
            "category_id": _PERSON,
            "bbox": boxes[number].tolist(),
            "segmentation": {"size": list(persons.frame_size), "counts": mask["counts"].decode("ascii")},
            "keypoints": np.round(keypoints[number], 3).tolist(),
            "score": score,
        }
        instances.append(instance if ids is None else {**instance, "track_id": int(ids[number])})
    height, width = persons.frame_size
    return {
        "file_name": file_name,
        "image_id": image_id,
        "height": height,
        "width": width,
        "instances": instances,
    }


def write_coco(path: Path, predictions: Iterable[dict]) -> None:
    """Write predictions as a COCO results file; results carry ``file_name`` beside ``image_id``."""
    results = [
        {"image_id": one["image_id"], "file_name": one["file_name"], **instance}
        for one in predictions
        for instance in one["instances"]
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(json.dumps(results).encode())


def label_map(persons: FramePersons, ids: Sequence[int] | None = None) -> np.ndarray:
    """Masks as one map.

    Args:
        persons: Where two masks overlap, the better one is on top.
        ids: What stands for each person, at least 1; their place in the order, from 1, if ``None``.

    Returns:
        ``(H, W)``, 0 where nobody is; uint8, or uint16 where a number exceeds 255.
    """
    numbers = range(1, len(persons) + 1) if ids is None else ids
    result = np.zeros(persons.frame_size, np.uint16 if max(numbers, default=0) > 255 else np.uint8)
    for mask, number in reversed(list(zip(persons.masks, numbers, strict=True))):
        place, inside = decode_box(mask)
        np.copyto(result[place], number, where=inside)
    return result


def draw(image: np.ndarray, persons: FramePersons, min_score: float, min_joint_score: float = 0.1) -> np.ndarray:
    """Draw masks and skeletons; a track keeps its colour.

    Args:
        image: ``(H, W, 3)`` uint8, BGR.
        persons: In pixels of the image.
        min_score: Persons with a lower score are not drawn.
        min_joint_score: Joints with a lower score are not drawn.

    Returns:
        A new array like ``image``.
    """
    shown = persons[(persons.scores >= min_score).nonzero()[:, 0]]
    ids = None if shown.poses.track_ids is None else shown.poses.track_ids.tolist()
    canvas = image.copy()
    for mask, colour in reversed(list(zip(shown.masks, person_colours(len(shown), ids), strict=True))):
        (rows, columns), inside = decode_box(mask)
        draw_mask(canvas, inside, (columns.start, rows.start), colour)
    keypoints = shown.poses.keypoints.cpu().numpy()
    canvas = draw_skeletons(canvas, keypoints, ids, hidden_from=min_joint_score, visible_from=3 * min_joint_score)
    if ids is not None:
        for (x, y, _, _), number in zip(shown.boxes(), ids, strict=True):
            draw_text(canvas, str(number), (int(x), int(y) - 4))
    return canvas
