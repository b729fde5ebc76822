"""Labelled persons for instance segmentation."""

from typing import ClassVar

from mmselfhuman.datasets.person_dataset import PersonDataset
from mmselfhuman.datasets.sources.export import person_to_coco, rle_to_json
from mmselfhuman.datasets.sources.masks import union_rle
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import Person, PersonImage


@DATASETS.register_module()
class PersonInstanceDataset(PersonDataset):
    """One instance per person, as mmdet samples.

    Every entry of ``instances`` has ``bbox`` (x1, y1, x2, y2), ``bbox_label`` 0, ``mask`` (compressed RLE) and
    ``ignore_flag``, and carries along ``id``, ``keypoints`` (51 numbers) and ``max_iou`` (``None`` if unknown). Ignored
    are crowds, and persons without a mask (theirs is empty).

    Args:
        filter_cfg: As mmdet's ``CocoDataset`` has it, for training only: ``filter_empty_gt`` leaves out images in which
            there is nobody to learn from, ``min_size`` images with a shorter side, in pixels.

    See :class:`~mmselfhuman.datasets.person_dataset.PersonDataset` for the other arguments.
    """

    METAINFO: ClassVar[dict] = {"classes": ("person",), "palette": [(220, 20, 60)]}
    FILTER_RULES: ClassVar[frozenset[str]] = frozenset({"filter_empty_gt", "min_size"})

    def describe(self, item: PersonImage, entry: dict) -> dict:
        """``instances``, and no semantic map."""
        return {"instances": [_instance(person, item) for person in item.persons], "seg_map_path": None}

    def passes(self, item: PersonImage, filter_empty_gt: bool = False, min_size: int = 0) -> bool:
        """Whether there is somebody to learn from, and the shorter side has ``min_size`` pixels."""
        if filter_empty_gt and all(_is_ignored(person) for person in item.persons):
            return False
        return min(item.height, item.width) >= min_size

    def get_cat_ids(self, idx: int) -> list[int]:
        """The label of each instance, for mmdet's class-balancing wrappers."""
        return [instance["bbox_label"] for instance in self.get_data_info(idx)["instances"]]


def _is_ignored(person: Person) -> bool:
    return person.crowd or person.mask is None


def _instance(person: Person, item: PersonImage) -> dict:
    mask = person.mask or union_rle([], item.height, item.width)
    return {
        "id": person.id,
        "bbox": list(person.box_xyxy),
        "bbox_label": 0,
        "ignore_flag": int(_is_ignored(person)),
        # As text: mmdet takes an RLE whose counts are bytes for a broken one and ignores the instance.
        "mask": rle_to_json(mask),
        "keypoints": person_to_coco(person, item.id)["keypoints"],
        "max_iou": person.max_iou,
    }
