"""COCO-format person files on disk: what must hold for the file as a whole."""

import json
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

from mmengine import fileio

from mmselfhuman.structures import JOINTS, MAX_PIXELS, MAX_SIDE, NUM_JOINTS, is_image_size

PERSON = "person"


class AnnotationFileError(ValueError):
    """An annotation file that cannot be used as a whole; the message names file, key and value."""


@dataclass(frozen=True)
class CocoFile:
    """The checked content of a COCO-format file, still as the dictionaries of the file.

    Attributes:
        path: Where it was read from.
        images: Entries with a unique integer ``id``, a unique and relative ``file_name``, and a ``height`` and
            ``width`` that an image can have.
        annotations: Entries of the person category, with a unique integer ``id``, an ``image_id`` and a ``bbox``.
        category: The person category.
    """

    path: str
    images: list[dict]
    annotations: list[dict]
    category: dict

    def joint_order(self) -> list[int | None]:
        """Where the file keeps each of COCO's 17 joints: 17 indices, ``None`` for a joint that the file does not know.

        Joints are matched by name, since files of 17 joints exist whose joints are others (PoseTrack's head top and
        bottom stand where COCO has the eyes). A category that does not name its joints is taken to be in COCO's order.

        Raises:
            AnnotationFileError: The category names another number of joints, or none of COCO's.
        """
        names = self.category.get("keypoints")
        if not names:
            return list(range(NUM_JOINTS))
        if not isinstance(names, list):
            raise AnnotationFileError(f"{self.path}: keypoints of category '{PERSON}' are {names!r}, expected a list")
        if len(names) != NUM_JOINTS:
            raise AnnotationFileError(
                f"{self.path}: category '{PERSON}' has {len(names)} keypoints, expected COCO's {NUM_JOINTS}"
            )
        positions = {str(name).lower().replace(" ", "_").replace("-", "_"): index for index, name in enumerate(names)}
        order = [positions.get(joint) for joint in JOINTS]
        if not any(index is not None for index in order):
            raise AnnotationFileError(f"{self.path}: none of COCO's joints is among the keypoints {names}")
        return order


def read_coco_file(path: str, backend_args: dict | None = None) -> CocoFile:
    """Read and check a COCO-format annotation file.

    Args:
        path: A JSON file with ``images``, ``annotations`` and ``categories``.
        backend_args: Passed to :func:`mmengine.fileio.get`.

    Raises:
        FileNotFoundError: There is no such file.
        AnnotationFileError: The JSON is malformed, a required key is missing or of the wrong type, ids or file names
            repeat, a file name leads out of its folder, or there is no annotated person.
    """
    return check_coco_content(path, load_json(path, backend_args))


def check_coco_content(path: str, content: dict) -> CocoFile:
    """Check what was loaded from a COCO-format annotation file.

    Args:
        path: Where it was loaded from, for error messages.
        content: The whole file.

    Raises:
        AnnotationFileError: See :func:`read_coco_file`.
    """
    images = _entries(path, content, "images", ("id", "file_name", "height", "width"))
    annotations = _entries(path, content, "annotations", ("id", "image_id", "category_id", "bbox"))
    categories = _entries(path, content, "categories", ("id", "name"))
    category = next((entry for entry in categories if entry["name"] == PERSON), None)
    if category is None:
        names = [entry["name"] for entry in categories]
        raise AnnotationFileError(f"{path}: no category '{PERSON}' among the categories {names[:5]}")
    _check_unique(path, images, "images", "file_name")
    for image in images:
        _check_image(path, image)
    persons = [annotation for annotation in annotations if annotation["category_id"] == category["id"]]
    if not persons:
        raise AnnotationFileError(
            f"{path}: none of the {len(annotations)} annotations has category_id {category['id']} ('{PERSON}')"
        )
    return CocoFile(path, images, persons, category)


def load_json(path: str, backend_args: dict | None = None) -> dict:
    """Load a JSON file that holds an object.

    Raises:
        FileNotFoundError: There is no such file.
        AnnotationFileError: It is no JSON (the message says at which line and column), or no object.
    """
    try:
        text = fileio.get(path, backend_args=backend_args).decode("utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise FileNotFoundError(f"annotation file {path} does not exist") from None
    except UnicodeDecodeError as error:
        raise AnnotationFileError(f"{path}: no UTF-8 text (byte {error.start})") from None
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise AnnotationFileError(
            f"{path}: malformed JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or as many brackets
        raise AnnotationFileError(f"{path}: malformed JSON: {error}") from None
    if not isinstance(content, dict):
        raise AnnotationFileError(f"{path}: holds a {type(content).__name__}, expected an object")
    return content


def is_inside(file_name: str) -> bool:
    """Whether a file name stays in the folder that it is relative to, on every operating system.

    A URL does not, nor does a name that no file can have.
    """
    if "\0" in file_name or "://" in file_name or any("\ud800" <= letter <= "\udfff" for letter in file_name):
        return False
    return all(
        not path.is_absolute() and not path.drive and ".." not in path.parts
        for path in (PurePosixPath(file_name), PureWindowsPath(file_name))
    )


def _entries(path: str, content: dict, key: str, required: tuple[str, ...]) -> list[dict]:
    entries = content.get(key)
    if not isinstance(entries, list):
        raise AnnotationFileError(f"{path}: '{key}' is {_describe(entries)}, expected a list")
    if not entries:
        raise AnnotationFileError(f"{path}: '{key}' is empty")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise AnnotationFileError(f"{path}: {key}[{index}] is {_describe(entry)}, expected an object")
        missing = [name for name in required if name not in entry]
        if missing:
            raise AnnotationFileError(f"{path}: {key}[{index}] lacks {missing}; it has {sorted(entry)[:12]}")
        if not isinstance(entry["id"], int) or isinstance(entry["id"], bool) or abs(entry["id"]) >= 2**63:
            raise AnnotationFileError(f"{path}: {key}[{index}] has id {entry['id']!r}, expected an integer")
    _check_unique(path, entries, key, "id")
    return entries


def _check_unique(path: str, entries: list[dict], key: str, field: str) -> None:
    first: dict = {}
    for index, entry in enumerate(entries):
        earlier = first.setdefault(str(entry[field]), index)
        if earlier != index:
            raise AnnotationFileError(
                f"{path}: {key}[{earlier}] and {key}[{index}] have the same {field} {entry[field]!r}"
            )


def _check_image(path: str, image: dict) -> None:
    file_name = image["file_name"]
    if not isinstance(file_name, str) or not file_name:
        raise AnnotationFileError(f"{path}: image {image['id']} has file_name {file_name!r}, expected a relative path")
    if not is_inside(file_name):
        raise AnnotationFileError(
            f"{path}: image {image['id']} has file_name {file_name!r}, which leaves its folder or can be no file's"
        )
    if not is_image_size(image["height"], image["width"]):
        raise AnnotationFileError(
            f"{path}: image {image['id']} ({file_name}) has height {image['height']!r} and width {image['width']!r}, "
            f"expected positive integers, at most {MAX_SIDE} each and {MAX_PIXELS} pixels"
        )


def _describe(value: object) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"
