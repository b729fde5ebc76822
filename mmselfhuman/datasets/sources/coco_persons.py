"""Labelled persons from COCO-format files."""

import os.path as osp
import pickle
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from mmengine import fileio
from mmengine.logging import print_log

from mmselfhuman.datasets.images import read_image
from mmselfhuman.datasets.sources.annotation import BrokenAnnotation, parse_person
from mmselfhuman.datasets.sources.coco_file import AnnotationFileError, CocoFile, read_coco_file
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import JOINTS, Person, PersonImage

_FILTERS = ("pose2seg", "mask", "all")


@DATASETS.register_module()
class COCOPersons:
    """A :class:`~mmselfhuman.structures.PersonSource` over one COCO-format file of persons.

    The file is read and checked once, here; pixels are read when asked for. What is wrong with the file as a whole is
    an error. A single broken annotation (NaN keypoints, a box of zero size, an RLE of the wrong size, ...) is skipped,
    counted in :attr:`skipped`, and reported in one log line; if nothing is left, that is an error too.

    Args:
        ann_file: JSON file, relative to ``data_root``. COCO's ``person_keypoints_*.json`` or ``instances_*.json``
            (other categories are left out), or the files that ``tools/dataset_converters`` write.
        data_root: Folder that ``ann_file`` and ``img_prefix`` are relative to.
        img_prefix: Folder that the file's ``file_name`` entries are relative to.
        person_filter: Which persons to keep. ``'pose2seg'``: the COCOPersons protocol, i.e. those with a mask and at
            least one labelled joint that are no crowd; the others are dropped, not ignored. ``'mask'``: all with a
            mask, crowds included (consumers ignore crowds). ``'all'``: also those without a mask.
        keep_empty: Keep images in which no person is left. With ``'pose2seg'`` such an image may well show persons.
        check_images: Look for every image file now instead of on first use (slow on network disks).
        backend_args: Passed to MMEngine's file backends.

    Attributes:
        name: ``'COCOPersons'``.
        skipped: Ids of the skipped annotations by what is wrong with them.

    Raises:
        FileNotFoundError: ``ann_file`` or, with ``check_images``, an image is missing.
        AnnotationFileError: See :func:`~mmselfhuman.datasets.sources.coco_file.read_coco_file`.
    """

    name = "COCOPersons"

    def __init__(
        self,
        ann_file: str,
        data_root: str = "",
        img_prefix: str = "",
        person_filter: str = "pose2seg",
        keep_empty: bool = False,
        check_images: bool = False,
        backend_args: dict | None = None,
    ) -> None:
        if person_filter not in _FILTERS:
            raise ValueError(f"person_filter is {person_filter!r}, expected one of {_FILTERS}")
        self.ann_file = osp.join(data_root, ann_file)
        self.person_filter = person_filter
        self.keep_empty = keep_empty
        self.backend_args = backend_args
        self.skipped: dict[str, list[int]] = {}
        self._folder = osp.join(data_root, img_prefix)
        # One bytes object per image: worker processes that only read them do not copy the pages they lie on.
        self._images = [pickle.dumps(image) for image in self._read()]
        if check_images:
            self._check_images()

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> PersonImage:
        return pickle.loads(self._images[index])

    def image(self, index: int) -> np.ndarray:
        """``(H, W, 3)`` uint8, BGR: the stored pixels, which the annotations refer to (EXIF orientation not applied).

        Raises:
            FileNotFoundError: The image file is missing.
            DamagedImageError: It cannot be decoded, is truncated, or is not of the annotated size.
        """
        item = self[index]
        return read_image(item.path, (item.height, item.width), self.backend_args)

    def keeps(self, person: Person) -> bool:
        """Whether ``person_filter`` keeps a person."""
        if self.person_filter == "all":
            return True
        if self.person_filter == "mask":
            return person.mask is not None
        return person.mask is not None and person.num_keypoints > 0 and not person.crowd

    def _read(self) -> list[PersonImage]:
        file = read_coco_file(self.ann_file, self.backend_args)
        persons = self._parse(file)
        images = []
        for entry in file.images:
            kept = tuple(person for person in persons[entry["id"]] if self.keeps(person))
            if kept or self.keep_empty:
                path = osp.join(self._folder, entry["file_name"])
                images.append(PersonImage(entry["id"], entry["file_name"], entry["height"], entry["width"], kept, path))
        if not images:
            raise AnnotationFileError(
                f"{self.ann_file}: no person is left of {len(file.annotations)} annotations "
                f"(person_filter '{self.person_filter}'; skipped: {self._describe_skipped() or 'none'})"
            )
        return images

    def _parse(self, file: CocoFile) -> dict[int, list[Person]]:
        """Persons by image id."""
        order = file.joint_order()
        if None in order:
            unknown = [joint for joint, index in zip(JOINTS, order, strict=True) if index is None]
            print_log(f"{self.name}: {file.path} has no {', '.join(unknown)}: taken as not labelled", "current")
        sizes = {entry["id"]: (entry["height"], entry["width"]) for entry in file.images}
        persons, skipped = defaultdict(list), defaultdict(list)
        for entry in file.annotations:
            try:
                if not isinstance(entry["image_id"], int) or entry["image_id"] not in sizes:
                    raise BrokenAnnotation("unknown image_id")
                person = parse_person(entry, *sizes[entry["image_id"]], order)
            except BrokenAnnotation as problem:
                skipped[problem.kind].append(entry["id"])
            else:
                persons[entry["image_id"]].append(person)
        self.skipped = dict(skipped)
        if skipped:
            count = sum(map(len, skipped.values()))
            print_log(
                f"{self.name}: {count} of {len(file.annotations)} annotations of {file.path} are broken and skipped: "
                f"{self._describe_skipped()}",
                "current",
                level=30,
            )
        return persons

    def _describe_skipped(self) -> str:
        return "; ".join(f"{kind}: {len(ids)} (first: {_listed(ids[:3])})" for kind, ids in self.skipped.items())

    def _check_images(self) -> None:
        missing = [item.path for item in self if not fileio.exists(item.path, self.backend_args)]
        if missing:
            raise FileNotFoundError(
                f"{len(missing)} of the {len(self)} images of {self.ann_file} do not exist, the first is {missing[0]}"
            )


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(f"annotation {i}" for i in ids)
