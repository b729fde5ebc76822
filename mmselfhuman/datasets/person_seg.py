"""Labelled persons for semantic segmentation."""

from typing import ClassVar

from mmselfhuman.datasets.person_dataset import PersonDataset
from mmselfhuman.datasets.sources.masks import box_to_rle
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import PersonImage


@DATASETS.register_module()
class PersonSegDataset(PersonDataset):
    """Person against background, as mmseg samples.

    ``LoadPersonSegMap`` makes ``gt_seg_map`` of ``person_masks`` and ``ignored_masks`` (compressed RLEs); any mmseg
    transform follows. Ignored are crowds, and the boxes of persons without a mask.

    See :class:`~mmselfhuman.datasets.person_dataset.PersonDataset` for the arguments.
    """

    METAINFO: ClassVar[dict] = {"classes": ("background", "person"), "palette": [[0, 0, 0], [220, 20, 60]]}

    def describe(self, item: PersonImage, entry: dict) -> dict:
        """``person_masks`` and ``ignored_masks``, and what mmseg's datasets put into every sample."""
        learned, ignored = [], []
        for person in item.persons:
            if person.mask is None:
                ignored.append(box_to_rle(person.box, item.height, item.width))
            else:
                (ignored if person.crowd else learned).append(person.mask)
        return {
            "person_masks": learned,
            "ignored_masks": ignored,
            "seg_fields": [],
            "label_map": None,
            "reduce_zero_label": False,
        }
