"""Labelled persons as plain data: what a COCO-format person file, or the synthetic world, says about an image."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Person:
    """One annotated person.

    Attributes:
        id: Annotation id, unique within its source.
        box: ``(x, y, w, h)`` in pixels, as COCO stores it.
        area: COCO's ``area`` (mask area in COCO; *box* area in OCHuman's own files), in square pixels.
        mask: Compressed COCO RLE, ``{'size': [height, width], 'counts': bytes}``; ``None`` if the person has no mask.
        keypoints: ``(17, 3)`` float32 of ``(x, y, v)`` in pixels, COCO joint order, ``v`` 0 = not labelled, 1 =
            labelled but hidden, 2 = visible; ``None`` if the person has no keypoints.
        crowd: A region of uncounted persons (COCO ``iscrowd``): to be ignored, not learned.
        max_iou: OCHuman's MaxIoU, the largest box IoU with any other annotated person of the image; ``None`` if
            unknown.
        track_id: Identity within a video; ``None`` for still images.
    """

    id: int
    box: Box
    area: float
    mask: dict | None = None
    keypoints: np.ndarray | None = None
    crowd: bool = False
    max_iou: float | None = None
    track_id: int | None = None

    @property
    def box_xyxy(self) -> Box:
        """``(x1, y1, x2, y2)`` in pixels, the far corner exclusive."""
        x, y, w, h = self.box
        return x, y, x + w, y + h

    @property
    def num_keypoints(self) -> int:
        """How many joints are labelled (``v > 0``)."""
        return 0 if self.keypoints is None else int((self.keypoints[:, 2] > 0).sum())


@dataclass(frozen=True, eq=False)
class PersonImage:
    """An image and the persons annotated in it.

    Attributes:
        id: Image id, unique within its source.
        file_name: As the annotation file spells it; joins predictions with ground truth across files.
        height, width: In pixels.
        persons: All annotated persons that the source keeps, in file order.
        path: Where the image can be read; ``None`` if the source renders it.
    """

    id: int
    file_name: str
    height: int
    width: int
    persons: tuple[Person, ...]
    path: str | None = None


class PersonSource(Protocol):
    """A labelled set of images. One reading serves segmentation, pose and instance datasets alike.

    Indices run from 0 to ``len(source) - 1``. ``source[i]`` is cheap enough to be called for all ``i`` before training.
    """

    name: str

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> PersonImage: ...

    def image(self, index: int) -> np.ndarray:
        """``(H, W, 3)`` uint8, BGR."""
        ...
