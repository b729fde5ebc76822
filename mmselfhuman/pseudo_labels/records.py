"""Labels of one frame as JSON, checked when they are written."""

import math
from typing import Any

import numpy as np

from mmselfhuman.structures import MAX_PIXELS, NUM_JOINTS, PseudoLabel, PseudoPerson, is_image_size
from mmselfhuman.structures.rle import MaskError, check_runs, run_lengths


def check_label(label: PseudoLabel, place: str) -> None:
    """Let a label pass that the store can keep.

    Args:
        label: About to be written.
        place: Names it in errors.

    Raises:
        ValueError: An array has another shape or type than :class:`~mmselfhuman.structures.PseudoLabel` says, or a
            number is out of range or not finite.
    """
    size = label.height, label.width
    _require(is_image_size(*size), place, "height and width", size, f"positive integers, {MAX_PIXELS} pixels at most")
    _require(is_count(label.frame), place, "frame", label.frame, "an integer from 0")
    if isinstance(label.image, np.ndarray):
        _check_array(label.image, (*size, 3), np.uint8, place, "image")
    for name in ("semantic", "confidence"):
        if getattr(label, name) is not None:
            _check_array(getattr(label, name), size, np.uint8, place, name)
    for number, person in enumerate(label.persons or ()):
        _check_person(person, size, f"{place}, person {number}")


def check_frames(frames: Any, persons: Any) -> None:
    """Let pass what a clip's header and a manifest say about its frames.

    Args:
        frames: Their numbers, ascending.
        persons: How many persons each has, ``None`` where its label says nothing about persons.

    Raises:
        ValueError: They are anything else.
    """
    if not isinstance(frames, list) or not all(map(is_count, frames)) or sorted(set(frames)) != frames:
        raise ValueError("frames are no ascending list of numbers")
    if not isinstance(persons, list) or len(persons) != len(frames):
        raise ValueError("persons are not told for every frame")
    if not all(number is None or is_count(number) for number in persons):
        raise ValueError("a number of persons is none")


def is_count(value: Any) -> bool:
    """Whether a value is a whole number from 0."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= value < 2**31


def label_to_json(label: PseudoLabel, image: str) -> dict:
    """All of a label but its maps and pixels; ``image`` is where the pixels are."""
    return {
        "frame": int(label.frame),
        "height": int(label.height),
        "width": int(label.width),
        "image": image,
        "persons": None if label.persons is None else [_person_to_json(person) for person in label.persons],
        "provenance": label.provenance,
    }


def person_from_json(entry: dict) -> PseudoPerson:
    """Undo what :func:`label_to_json` made of a person."""
    mask, keypoints, visibility = entry["mask"], entry["keypoints"], entry["visibility"]
    return PseudoPerson(
        score=entry["score"],
        mask=None if mask is None else {"size": mask["size"], "counts": mask["counts"].encode("ascii")},
        keypoints=None if keypoints is None else np.array(keypoints, np.float32).reshape(NUM_JOINTS, 3),
        visibility=None if visibility is None else np.array(visibility, np.uint8),
        track_id=entry["track_id"],
        box=tuple(entry["box"]),
        crowd=entry["crowd"],
    )


def _person_to_json(person: PseudoPerson) -> dict:
    mask, keypoints, visibility = person.mask, person.keypoints, person.visibility
    return {
        "score": float(person.score),
        "box": [float(value) for value in person.box],
        "mask": None if mask is None else {"size": [int(s) for s in mask["size"]], "counts": _text(mask["counts"])},
        # The shortest decimals that give the same float32 again.
        "keypoints": None if keypoints is None else [float(str(value)) for value in keypoints.astype("f4").ravel()],
        "visibility": None if visibility is None else [int(value) for value in visibility],
        "track_id": None if person.track_id is None else int(person.track_id),
        "crowd": bool(person.crowd),
    }


def _check_person(person: PseudoPerson, size: tuple[int, int], place: str) -> None:
    _require(_is_unit(person.score), place, "score", person.score, "a number in [0, 1]")
    box = person.box
    _require(
        len(box) == 4 and all(math.isfinite(value) for value in box) and min(box[2:]) >= 0,
        place,
        "box",
        box,
        "finite (x, y, w, h)",
    )
    if person.mask is not None:
        mask_size = tuple(person.mask.get("size", ()))
        _require(mask_size == size, place, "size of the mask", mask_size, f"(height, width) {size}")
        counts = person.mask.get("counts")
        try:
            check_runs(run_lengths(counts), *size)
        except MaskError as error:
            raise ValueError(f"{place}: counts of the mask: {error}") from error
    if person.keypoints is not None:
        keypoints = np.asarray(person.keypoints)
        _require(keypoints.shape == (NUM_JOINTS, 3), place, "shape of keypoints", keypoints.shape, (NUM_JOINTS, 3))
        _require(bool(np.isfinite(keypoints).all()), place, "keypoints", keypoints, "finite numbers")
        scores = keypoints[:, 2]
        _require(bool(((scores >= 0) & (scores <= 1)).all()), place, "scores of keypoints", scores, "in [0, 1]")
    if person.visibility is not None:
        visibility = np.asarray(person.visibility)
        valid = visibility.shape == (NUM_JOINTS,) and np.isin(visibility, (0, 1, 2)).all()
        _require(bool(valid), place, "visibility", visibility, f"{NUM_JOINTS} of 0, 1, 2")


def _check_array(array: Any, shape: tuple[int, ...], dtype: type, place: str, name: str) -> None:
    _require(isinstance(array, np.ndarray), place, name, type(array), f"an array of shape {shape}")
    _require(array.shape == shape and array.dtype == dtype, place, name, (array.shape, array.dtype), (shape, dtype))


def _require(condition: bool, place: str, name: str, got: Any, expected: Any) -> None:
    if not condition:
        raise ValueError(f"{place}: {name}: got {got}, expected {expected}")


def _is_unit(value: Any) -> bool:
    return isinstance(value, int | float | np.floating) and 0 <= value <= 1


def _text(counts: bytes | str) -> str:
    return counts if isinstance(counts, str) else counts.decode("ascii")
