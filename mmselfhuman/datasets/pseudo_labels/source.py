"""A round of pseudo-labels as a source of labelled persons."""

import os
from functools import lru_cache
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask

from mmselfhuman.datasets.images import read_image
from mmselfhuman.datasets.sources.masks import box_to_rle
from mmselfhuman.pseudo_labels import PseudoLabelStore, RoundReader
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import UNSURE, Person, PersonImage, PseudoLabel, PseudoPerson

_PERSONS_PER_IMAGE = 1000


@lru_cache(maxsize=16)
def _filled(height: int, width: int) -> dict:
    """The RLE of a whole frame, which is asked for with every sample of label maps."""
    return box_to_rle((0.0, 0.0, float(width), float(height)), height, width)


@DATASETS.register_module()
class PseudoLabels:
    """One committed round of a store, a :class:`~mmselfhuman.structures.PersonSource` with semantic maps.

    It serves ``PersonSegDataset``, ``PersonPoseDataset`` and ``PersonInstanceDataset``. What a label leaves open is
    ignored rather than taken for background: in a frame whose label says nothing about persons, one crowd covers
    everything.

    Args:
        store: Folder of the store.
        round: Number of the round; ``None`` takes the latest.
        min_score: Persons with a lower score become crowds: ignored, not learned.
        min_joint_score: Joints with a lower score count as not labelled.
        min_confidence: Pixels of the semantic map with a lower confidence, in [0, 1], become unsure.

    Raises:
        PseudoLabelError: There is no such round, or its manifest is damaged. Damaged labels are an error when they are
            asked for.
    """

    def __init__(
        self,
        store: str | os.PathLike,
        round: int | None = None,
        min_score: float = 0.0,
        min_joint_score: float = 0.0,
        min_confidence: float = 0.0,
    ) -> None:
        self.min_score, self.min_joint_score, self.min_confidence = min_score, min_joint_score, min_confidence
        self._store = PseudoLabelStore(store)
        self.reader: RoundReader = self._store.read(round)
        self.name = f"pseudo_labels_{self.reader.number}"

    def __len__(self) -> int:
        return len(self.reader)

    def __getitem__(self, index: int) -> PersonImage:
        label = self.reader.without_maps(index)
        number = int(index) % len(self)
        return PersonImage(
            id=number + 1,
            file_name=Path(label.image).relative_to(self._store.images.folder).as_posix(),
            height=label.height,
            width=label.width,
            persons=self._persons(label, number * _PERSONS_PER_IMAGE + 1),
            path=label.image,
        )

    def image(self, index: int) -> np.ndarray:
        """``(H, W, 3)`` uint8, BGR.

        Raises:
            FileNotFoundError: The image file is missing.
            DamagedImageError: It cannot be decoded or is truncated.
        """
        label = self.reader.without_maps(index)
        return read_image(label.image, (label.height, label.width))

    def semantic_map(self, index: int) -> np.ndarray | None:
        """``(H, W)`` uint8 class index, ``UNSURE`` where nothing is to be learned; ``None`` if the label has none."""
        label = self.reader[index]
        if label.semantic is None or label.confidence is None or self.min_confidence <= 0:
            return label.semantic
        return np.where(label.confidence < 255 * self.min_confidence, np.uint8(UNSURE), label.semantic)

    def _persons(self, label: PseudoLabel, first_id: int) -> tuple[Person, ...]:
        if label.persons is None:
            box = 0.0, 0.0, float(label.width), float(label.height)
            everything = dict(_filled(label.height, label.width))
            return (Person(id=first_id, box=box, area=box[2] * box[3], mask=everything, crowd=True),)
        return tuple(self._person(person, first_id + number) for number, person in enumerate(label.persons))

    def _person(self, person: PseudoPerson, person_id: int) -> Person:
        area = person.box[2] * person.box[3] if person.mask is None else float(coco_mask.area(person.mask))
        return Person(
            id=person_id,
            box=person.box,
            area=area,
            mask=person.mask,
            keypoints=None if person.keypoints is None else self._keypoints(person),
            crowd=person.crowd or person.score < self.min_score,
            track_id=person.track_id,
        )

    def _keypoints(self, person: PseudoPerson) -> np.ndarray | None:
        scores = person.keypoints[:, 2]
        visible = np.where(scores > 0, 2, 0) if person.visibility is None else person.visibility
        visible = np.where(scores < self.min_joint_score, 0, visible)
        if not visible.any():
            return None
        keypoints = person.keypoints.astype(np.float32)
        keypoints[:, 2] = visible
        keypoints[visible == 0] = 0
        return keypoints
