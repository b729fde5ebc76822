"""Labelled persons for Pose2Seg."""

from typing import Any, ClassVar

import numpy as np

from mmselfhuman.datasets.person_dataset import PersonDataset
from mmselfhuman.datasets.sources.masks import box_to_rle
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import NUM_JOINTS, Person, PersonImage


@DATASETS.register_module()
class PersonPose2SegDataset(PersonDataset):
    """One sample per person who has a mask and a labelled joint and is no crowd.

    A sample holds everybody's pose, since others are drawn as well, and says who it is about: ``poses`` ``(m, 17, 3)``
    float32 ``(x, y, score)`` in pixels, the score 1 where a joint is labelled and else 0; ``visibility`` ``(m, 17)``
    uint8, COCO's 0, 1, 2; ``areas`` ``(m,)`` float32 square pixels of the boxes; ``person`` the number of the sample's;
    ``person_mask``; and ``ignored_masks``, crowds and the boxes of persons without a mask (compressed RLEs). ``id`` is
    the person's.

    ``CropPerson`` makes the picture and ``gt_seg_map`` of it, and ``AddSkeletonMaps`` draws.

    See :class:`~mmselfhuman.datasets.person_dataset.PersonDataset` for the arguments.
    """

    METAINFO: ClassVar[dict] = {"classes": ("background", "person"), "palette": [[0, 0, 0], [220, 20, 60]]}

    def load_data_list(self) -> list[dict]:
        """One entry per person."""
        return [
            {**entry, "person": number}
            for entry in super().load_data_list()
            for number, person in enumerate(self.source[entry["source_index"]].persons)
            if not person.crowd and person.mask is not None and person.num_keypoints > 0
        ]

    def prepare_data(self, idx: int) -> Any:
        """A sample through the pipeline; transforms that paste persons get others from its ``draw``."""
        return self.run_pipeline({**self.get_data_info(idx), "draw": self.draw})

    def draw(self, rng: np.random.Generator) -> dict:
        """A random sample, with the image if it is a rendered one, before the pipeline."""
        info = self.get_data_info(int(rng.integers(len(self))))
        return {**info, "img": self.source.image(info["source_index"])} if info["rendered"] else info

    def describe(self, item: PersonImage, entry: dict) -> dict:
        """Everybody's pose, one person's mask, and what mmseg's datasets put into every sample."""
        person = item.persons[entry["person"]]
        keypoints = np.stack([_keypoints(person) for person in item.persons])
        visibility = keypoints[..., 2].astype(np.uint8)
        keypoints[..., 2] = visibility > 0
        return {
            "id": person.id,
            "poses": keypoints,
            "visibility": visibility,
            "areas": np.array([p.box[2] * p.box[3] for p in item.persons], dtype=np.float32),
            "person": entry["person"],
            "person_mask": person.mask,
            "ignored_masks": [m for p in item.persons if p is not person and (m := _ignored(p, item)) is not None],
            "seg_fields": [],
            "label_map": None,
            "reduce_zero_label": False,
        }


def _keypoints(person: Person) -> np.ndarray:
    """A new ``(17, 3)`` float32 of ``(x, y, v)``; crowds have no pose."""
    if person.keypoints is None or person.crowd:
        return np.zeros((NUM_JOINTS, 3), dtype=np.float32)
    return person.keypoints.astype(np.float32)


def _ignored(person: Person, item: PersonImage) -> dict | None:
    if person.mask is None:
        return box_to_rle(person.box, item.height, item.width)
    return person.mask if person.crowd else None
