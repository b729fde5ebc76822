"""Labelled persons for semantic segmentation."""

from functools import cached_property
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from mmselfhuman.datasets.person_dataset import PersonDataset
from mmselfhuman.datasets.sources.masks import box_to_rle
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import UNSURE, PersonImage


@runtime_checkable
class HasSemanticMaps(Protocol):
    """A source that knows the class of every pixel, which its persons alone do not say."""

    def semantic_map(self, index: int) -> np.ndarray | None:
        """``(H, W)`` uint8 class index, ``UNSURE`` where nothing is to be learned; ``None`` if it knows no more of this
        image than the persons."""
        ...


@DATASETS.register_module()
class PersonSegDataset(PersonDataset):
    """Person against background, as mmseg samples.

    ``LoadPersonSegMap`` makes ``gt_seg_map`` of ``person_masks`` and ``ignored_masks`` (compressed RLEs); any mmseg
    transform follows. Ignored are crowds, and the boxes of persons without a mask. From a source that
    :class:`HasSemanticMaps`, ``semantic_map`` comes along and takes the place of the masks; its classes are those of
    ``metainfo``.

    See :class:`~mmselfhuman.datasets.person_dataset.PersonDataset` for the arguments.
    """

    METAINFO: ClassVar[dict] = {"classes": ("background", "person"), "palette": [[0, 0, 0], [220, 20, 60]]}

    def describe(self, item: PersonImage, entry: dict) -> dict:
        """The masks or the map, and what mmseg's datasets put into every sample.

        Raises:
            ValueError: The map has a class that :attr:`metainfo` does not know.
        """
        learned, ignored = [], []
        for person in item.persons:
            if person.mask is None:
                ignored.append(box_to_rle(person.box, item.height, item.width))
            else:
                (ignored if person.crowd else learned).append(person.mask)
        return {
            "person_masks": learned,
            "ignored_masks": ignored,
            "semantic_map": self._semantic_map(item, entry["source_index"]),
            "seg_fields": [],
            "label_map": None,
            "reduce_zero_label": False,
        }

    @cached_property
    def _maps(self) -> HasSemanticMaps | None:
        """The source, if it has maps; whether a protocol fits takes longer to find out than to read a map."""
        return self.source if isinstance(self.source, HasSemanticMaps) else None

    def _semantic_map(self, item: PersonImage, index: int) -> np.ndarray | None:
        classes = self._maps.semantic_map(index) if self._maps is not None else None
        if classes is not None:
            known = self._metainfo["classes"]
            unknown = (classes >= len(known)) & (classes != UNSURE)
            if unknown.any():
                highest = classes[unknown].max()
                raise ValueError(f"label map of {item.file_name} has class {highest}, but classes are {tuple(known)}")
        return classes
