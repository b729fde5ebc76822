"""The exact truth about a painted frame, in the form in which person files state it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pycocotools import mask as rle

from mmselfhuman.datasets.synthetic.world import Painting, World
from mmselfhuman.structures import Box, Person
from mmselfhuman.structures.boxes import max_iou

LEAST_PIXELS = 1 / 2048
LEAST_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class FrameTruth:
    """Everything that is true about a frame.

    Attributes:
        owners: ``(H, W)`` int16, the person seen at each pixel; -1 for background and objects.
        amodal: ``(P, H, W)`` bool, what each person covers within the picture, hidden or not.
        joints: ``(P, 17, 3)`` float64 ``(x, y, v)`` in pixels, COCO order; ``v`` 2 visible, 1 hidden behind another
            person, an object or the own body, 0 outside the picture (x and y are given all the same).
    """

    owners: np.ndarray
    amodal: np.ndarray
    joints: np.ndarray

    @cached_property
    def visible(self) -> np.ndarray:
        """``(P, H, W)`` bool, where each person is seen."""
        return self.owners == np.arange(len(self.amodal), dtype=np.int16)[:, None, None]

    @cached_property
    def boxes(self) -> np.ndarray:
        """``(P, 4)`` int64 ``(x, y, w, h)`` around the amodal masks: of the whole person, within the picture, as
        OCHuman's annotators draw it. Zeros for persons outside the picture."""
        boxes = np.zeros((len(self.amodal), 4), np.int64)
        for index, mask in enumerate(self.amodal):
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            if len(rows):
                boxes[index] = columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1
        return boxes

    @cached_property
    def annotated(self) -> np.ndarray:
        """Indices of the persons that a person file names: seen in at least 1 / 2048 of the picture's pixels and a
        twentieth of their own."""
        seen = np.bincount(self.owners.ravel() + 1, minlength=len(self.amodal) + 1)[1:]
        least = np.maximum(LEAST_SHARE * self.amodal.sum((1, 2)), LEAST_PIXELS * self.owners.size)
        return np.flatnonzero(seen >= least)

    @cached_property
    def max_ious(self) -> np.ndarray:
        """``(P,)`` OCHuman's MaxIoU: the largest IoU of the box with another annotated person's; 0 for persons
        alone."""
        result = np.zeros(len(self.boxes))
        result[self.annotated] = max_iou(self.boxes[self.annotated])
        return result

    def persons(self, first_id: int = 0) -> tuple[Person, ...]:
        """The annotated persons.

        ``mask`` is the visible one, ``box`` the amodal one within the picture, ``area`` the box's, as in OCHuman's
        files; ``track_id`` is the person's number in its clip.

        Args:
            first_id: Annotation id of the first person.
        """
        kept = self.annotated
        masks = [self._mask(index) for index in kept]
        persons = []
        for number, (index, mask) in enumerate(zip(kept.tolist(), masks, strict=True)):
            box: Box = tuple(float(part) for part in self.boxes[index])
            keypoints = self.joints[index].astype(np.float32)
            keypoints[keypoints[:, 2] == 0] = 0.0
            persons.append(
                Person(
                    id=first_id + number,
                    box=box,
                    area=box[2] * box[3],
                    mask=mask,
                    keypoints=keypoints,
                    max_iou=float(self.max_ious[index]),
                    track_id=index,
                )
            )
        return tuple(persons)

    def _mask(self, index: int) -> dict:
        return rle.encode(np.asfortranarray(self.owners == index).view(np.uint8))


def frame_truth(world: World, painting: Painting, index: int) -> FrameTruth:
    """The truth about frame ``index``, which has been painted."""
    return FrameTruth(world.owner_map(painting), painting.amodal, world.joints(painting, index))
