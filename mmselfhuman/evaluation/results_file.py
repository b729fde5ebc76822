"""COCO results from disk, whoever wrote them."""

import json
from collections.abc import Mapping
from pathlib import Path

from mmselfhuman.datasets.sources.annotation import is_finite
from mmselfhuman.evaluation.coco_eval import RESULT_FIELDS
from mmselfhuman.structures import NUM_JOINTS, is_image_size
from mmselfhuman.structures.rle import MaskError, check_runs, run_lengths, shorten


def read_results(
    path: str, metric: str, file_names: Mapping[int, str] | None = None, person_category: int = 1
) -> tuple[list[dict], int]:
    """Read a COCO results file for :meth:`~mmselfhuman.evaluation.person_metric.PersonMetric.score`.

    Args:
        path: The JSON file.
        metric: What its results are for: 'segm', 'keypoints' or 'bbox'.
        file_names: By image id, for results that do not carry ``file_name``.
        person_category: ``category_id`` of persons in the file; other results are left out.

    Returns:
        The persons' results, each with ``file_name``; and how many results of other categories were left out.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no list of results, a result lacks a field or has a value that cannot be, or its image has
            no known name.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, numbers of thousands of digits, or brackets
        raise ValueError(f"{path}: malformed JSON: {error}") from None
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError(f"{path}: expected a list of COCO results, got {type(content).__name__}")
    persons = []
    for number, entry in enumerate(content):
        missing = {"category_id", "score", RESULT_FIELDS[metric]} - entry.keys()
        if missing:
            raise ValueError(f"{path}: result {number} lacks {sorted(missing)} for {metric!r}; it has {sorted(entry)}")
        if entry["category_id"] == person_category:
            where = f"{path}: result {number}"
            values = _values(entry, metric, where)
            persons.append({**entry, **values, "file_name": _file_name(entry, file_names or {}, where)})
    return persons, len(content) - len(persons)


def _values(entry: dict, metric: str, where: str) -> dict:
    """What is evaluated of a result, if it can be; pycocotools, which does that, trusts it blindly."""
    field = RESULT_FIELDS[metric]
    score, value = entry["score"], entry[field]
    if not is_finite(score):
        raise ValueError(f"{where} has the score {shorten(score)}; expected a finite number")
    if metric == "segm":
        size = value.get("size") if isinstance(value, dict) else None
        if not isinstance(size, list) or len(size) != 2 or not is_image_size(*size):
            raise ValueError(f"{where} has the mask {shorten(value)}; expected an RLE with the 'size' of an image")
        try:
            check_runs(run_lengths(value.get("counts")), *size)
        except MaskError as error:
            raise ValueError(f"{where}: {error}") from error
        return {"score": float(score), field: value}
    length = 4 if metric == "bbox" else 3 * NUM_JOINTS
    if not isinstance(value, list) or len(value) != length or not all(map(is_finite, value)):
        raise ValueError(f"{where} has {field} {shorten(value)}; expected {length} finite numbers")
    return {"score": float(score), field: [float(number) for number in value]}


def _file_name(entry: dict, file_names: Mapping[int, str], where: str) -> str:
    if isinstance(entry.get("file_name"), str):
        return entry["file_name"]
    if not isinstance(entry.get("image_id"), int | str) or entry["image_id"] not in file_names:
        raise ValueError(
            f"{where} has no 'file_name', and its image_id {entry.get('image_id')!r} is not among the "
            f"{len(file_names)} known ids; ids differ between files: say of which annotation file these are"
        )
    return file_names[entry["image_id"]]
