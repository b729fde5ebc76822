"""COCO results from disk, whoever wrote them."""

import json
from collections.abc import Mapping
from pathlib import Path

from mmselfhuman.evaluation.coco_eval import RESULT_FIELDS


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
        ValueError: It holds no list of results, a result lacks a field, or its image has no known name.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (
        ValueError,
        RecursionError,
    ) as error:  # no UTF-8, no JSON, a number of thousands of digits, or as many brackets
        raise ValueError(f"{path}: malformed JSON: {error}") from None
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError(f"{path}: expected a list of COCO results, got {type(content).__name__}")
    persons = []
    for number, entry in enumerate(content):
        missing = {"category_id", "score", RESULT_FIELDS[metric]} - entry.keys()
        if missing:
            raise ValueError(f"{path}: result {number} lacks {sorted(missing)} for {metric!r}; it has {sorted(entry)}")
        if entry["category_id"] == person_category:
            persons.append({**entry, "file_name": _file_name(entry, file_names or {}, f"{path}: result {number}")})
    return persons, len(content) - len(persons)


def _file_name(entry: dict, file_names: Mapping[int, str], where: str) -> str:
    if isinstance(entry.get("file_name"), str):
        return entry["file_name"]
    if not isinstance(entry.get("image_id"), int | str) or entry["image_id"] not in file_names:
        raise ValueError(
            f"{where} has no 'file_name', and its image_id {entry.get('image_id')!r} is not among the "
            f"{len(file_names)} known ids; ids differ between files: say of which annotation file these are"
        )
    return file_names[entry["image_id"]]
