"""Pseudo-labels from and to the formats of everybody else: COCO JSON for persons, PNG for label maps."""

import hashlib
import os.path as osp
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from mmselfhuman.datasets.converters import write_json_files
from mmselfhuman.datasets.images import DamagedImageError, read_image
from mmselfhuman.datasets.person_seg import PersonSegDataset
from mmselfhuman.datasets.pseudo_labels.for_detectors import for_detectors
from mmselfhuman.datasets.pseudo_labels.source import PseudoLabels
from mmselfhuman.datasets.sources import AnnotationFileError, COCOPersons, source_to_coco
from mmselfhuman.datasets.sources.coco_file import read_coco_file
from mmselfhuman.datasets.sources.masks import numbers
from mmselfhuman.datasets.transforms import LoadPersonSegMap
from mmselfhuman.pseudo_labels import PseudoLabelStore, RoundReader
from mmselfhuman.pseudo_labels.clip_file import file_digest
from mmselfhuman.pseudo_labels.files import IMAGE_SUFFIXES, replacing, to_json
from mmselfhuman.pseudo_labels.maps import encode_map
from mmselfhuman.structures import NUM_JOINTS, UNSURE, Person, PersonImage, PseudoLabel, PseudoPerson

FRAME_LIST = "frames.txt"

_ALL_CLASSES = tuple(str(label) for label in range(UNSURE))
_LAST_NUMBER = re.compile(r"(\d+)(?:-[0-9a-f]{16}|\D*)$")  # a store's own names end in a checksum
_LOOSE_IMAGES = "images"


def export_coco(source: PseudoLabels, path: Path, overwrite: bool = False, detectors: bool = False) -> dict:
    """Write the persons of a round as a COCO annotation file; image names are relative to the store's ``frames``.

    It reads as ground truth, with ``score`` (and, where there is a pose, ``keypoint_scores``) added to the annotations
    and ``video`` and ``frame`` to the images.

    Args:
        source: The round.
        path: Of the file.
        overwrite: Replace a file that exists.
        detectors: Write what detectors learn best from, see :func:`for_detectors`.

    Returns:
        What was written.

    Raises:
        FileExistsError: The file exists, and ``overwrite`` is not set.
        PseudoLabelError: Labels are missing or damaged.
    """
    content = source_to_coco(source)
    scores: dict[int, dict] = {}
    for index, image in enumerate(content["images"]):
        image["video"], image["frame"] = source.reader.key(index)
        persons = source.reader.without_maps(index).persons or ()
        for entry, person in zip(source[index].persons, persons, strict=False):
            scores[entry.id] = {"score": float(person.score)}
            if person.keypoints is not None:
                scores[entry.id]["keypoint_scores"] = [float(str(value)) for value in person.keypoints[:, 2]]
    for annotation in content["annotations"]:
        annotation.update(scores.get(annotation["id"], {}))
    if detectors:
        content = for_detectors(content)
    write_json_files(path.parent, {path.name: content}, overwrite)
    return content


def export_png(source: PseudoLabels, folder: Path, overwrite: bool = False) -> int:
    """Write the label maps of a round as grey PNG files of class indices, 255 where unsure.

    They are named like the images below the store's ``frames``, whose names without suffix are in ``frames.txt``: the
    ``ann_file`` of mmseg's datasets. Frames without a semantic map get one of their persons' masks.

    Returns:
        How many maps were written.

    Raises:
        FileExistsError: ``folder`` holds a ``frames.txt``, and ``overwrite`` is not set.
        PseudoLabelError: Labels are missing or damaged.
    """
    if (folder / FRAME_LIST).exists() and not overwrite:
        raise FileExistsError(f"{folder / FRAME_LIST} exists already; pass --overwrite to replace it")
    dataset = PersonSegDataset(source, [LoadPersonSegMap()], metainfo={"classes": _ALL_CLASSES})
    names = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        names.append(str(PurePosixPath(info["file_name"]).with_suffix("")))
        with replacing(folder / f"{names[-1]}.png") as file:
            file.write(encode_map(dataset.pipeline(info)["gt_seg_map"]))
    with replacing(folder / FRAME_LIST) as file:
        file.write("".join(f"{name}\n" for name in names).encode())
    return len(names)


def import_coco(ann_file: Path, images: Path, store: PseudoLabelStore, number: int = 0) -> RoundReader:
    """Bring in persons from a COCO annotation file as a round; image files are copied as they are.

    Videos and frames are taken from ``video`` and ``frame`` of the images where the file has them. Else a folder is a
    video, and the last number in a file's name is its frame (its place among the folder's names, if those numbers are
    not all there and different). Without ``score``, a person counts as certain.

    Args:
        ann_file: As :class:`~mmselfhuman.datasets.COCOPersons` reads it.
        images: Folder that its ``file_name`` entries are relative to.
        store: Where to.
        number: Of the round; it and all later ones are replaced.

    Raises:
        FileNotFoundError: The file or an image is missing.
        AnnotationFileError: The file cannot be used, or a ``score`` in it is no number in [0, 1].
        DamagedImageError: An image is damaged, or not of the size that the file says.
    """
    source = COCOPersons(str(ann_file), img_prefix=str(images), person_filter="all", keep_empty=True)
    file = read_coco_file(str(ann_file))
    extra = {entry["id"]: entry for entry in file.annotations}
    places = {entry["file_name"]: (entry.get("video"), entry.get("frame")) for entry in file.images}

    def label(item: PersonImage, frame: int) -> PseudoLabel:
        persons = tuple(_person(person, extra[person.id], source.ann_file) for person in item.persons)
        return PseudoLabel(
            frame, item.height, item.width, _image(item.path, (item.height, item.width)), persons=persons
        )

    items = {item.file_name: item for item in source}
    provenance = {"imported": "coco", "sha256": file_digest(ann_file)}
    return _write_round(
        store, number, provenance, _videos(items, places), lambda name, frame: label(items[name], frame)
    )


def import_png(maps: Path, images: Path, store: PseudoLabelStore, number: int = 0) -> RoundReader:
    """Bring in label maps as a round: PNG files of class indices (grey, or with a palette), 255 where unsure.

    Every map belongs to the image file of the same relative name, but for the suffix; images without a map stay out.
    Videos and frames are found in the names as :func:`import_coco` does.

    Args:
        maps: Folder of the maps, searched recursively.
        images: Folder of the images; they are copied as they are.
        store: Where to.
        number: Of the round; it and all later ones are replaced.

    Raises:
        FileNotFoundError: There is no map, or an image is missing.
        DamagedImageError: An image or a map is damaged, a map has colours instead of class indices, or is not of the
            size of its image.
    """
    names = sorted(path.relative_to(maps).as_posix() for path in maps.rglob("*.png"))
    if not names:
        raise FileNotFoundError(f"there is no PNG file below {maps}")

    def label(name: str, frame: int) -> PseudoLabel:
        classes = _read_map(maps / name)
        image = _image(str(_beside(images, name)), classes.shape)
        return PseudoLabel(frame, *classes.shape, image, semantic=classes)

    digest = hashlib.sha256(to_json({name: file_digest(maps / name) for name in names})).hexdigest()
    return _write_round(store, number, {"imported": "png", "sha256": digest}, _videos(names, {}), label)


def _write_round(
    store: PseudoLabelStore,
    number: int,
    provenance: dict,
    videos: dict[str, list[tuple[int, str]]],
    label: Callable[[str, int], PseudoLabel],
) -> RoundReader:
    writer = store.begin_round(number, provenance)
    for video, frames in videos.items():
        writer.write_clip(video, (label(name, frame) for frame, name in frames))
    frames, clips = sum(map(len, videos.values())), len(videos)
    return writer.commit({"frames": frames, "clips": clips}, list(videos))


def _videos(names: Iterable[str], places: dict[str, tuple]) -> dict[str, list[tuple[int, str]]]:
    """Frame numbers and file names of each video, in order."""
    folders: dict[str, list[tuple[int | None, str]]] = defaultdict(list)
    for name in names:
        video, frame = places.get(name, (None, None))
        if not isinstance(video, str) or not isinstance(frame, int):
            parent = str(PurePosixPath(name).parent)
            video = _LOOSE_IMAGES if parent == "." else parent
            number = _LAST_NUMBER.search(PurePosixPath(name).stem)
            frame = int(number[1]) if number else None
        folders[video].append((frame, name))
    return {video: sorted(_numbered(found)) for video, found in sorted(folders.items())}


def _numbered(found: list[tuple[int | None, str]]) -> Iterator[tuple[int, str]]:
    numbers = {number for number, _ in found}
    if None in numbers or len(numbers) < len(found) or max(numbers) >= 10**8:
        return iter(enumerate(sorted(name for _, name in found)))
    return iter(found)


def _person(person: Person, extra: dict, path: str) -> PseudoPerson:
    score = extra.get("score", 1.0)
    if not isinstance(score, int | float) or not 0 <= score <= 1:
        raise AnnotationFileError(f"{path}: annotation {person.id} has score {score!r}, expected a number in [0, 1]")
    keypoints, visibility = person.keypoints, None
    if keypoints is not None:
        visibility = keypoints[:, 2].astype(np.uint8)
        scores = extra.get("keypoint_scores", (visibility > 0).tolist())
        scores = numbers(scores) if isinstance(scores, list) else np.zeros(0)
        if len(scores) != NUM_JOINTS or not ((scores >= 0) & (scores <= 1)).all():
            raise AnnotationFileError(
                f"{path}: annotation {person.id} has keypoint_scores that are no 17 numbers in [0, 1]"
            )
        keypoints = np.column_stack([keypoints[:, :2], scores.astype(np.float32)])
    return PseudoPerson(
        score=float(score),
        mask=person.mask,
        keypoints=keypoints,
        visibility=visibility,
        track_id=person.track_id,
        box=person.box,
        crowd=person.crowd,
    )


def _image(path: str, size: tuple[int, int]) -> np.ndarray | str:
    """The path if its file can be copied as it is, else the pixels; checked either way."""
    pixels = read_image(path, size)
    return path if path.lower().endswith(IMAGE_SUFFIXES) else pixels


def _beside(images: Path, name: str) -> Path:
    """The image that a map belongs to."""
    stem = images / PurePosixPath(name).with_suffix("")
    for suffix in IMAGE_SUFFIXES:
        for spelling in (suffix, suffix.upper()):
            if osp.isfile(f"{stem}{spelling}"):
                return Path(f"{stem}{spelling}")
    raise FileNotFoundError(f"no image {stem}{{{','.join(IMAGE_SUFFIXES)}}} for the label map {name}")


def _read_map(path: Path) -> np.ndarray:
    read_image(str(path))  # knows damage that Pillow does not mind
    with Image.open(path) as image:  # knows palettes, which OpenCV turns into colours
        if image.mode not in ("L", "P"):
            raise DamagedImageError(f"label map {path} has mode {image.mode}, expected 8-bit class indices (L or P)")
        return np.array(image, dtype=np.uint8)
