"""Persons made of rectangles, in one image that says of each pixel where it is."""

from dataclasses import replace

import numpy as np
from pycocotools import mask as coco_mask

from mmselfhuman.datasets import PersonPose2SegDataset
from mmselfhuman.structures import Person, PersonImage

HEIGHT, WIDTH = 40, 60


def rectangle(x: int, y: int, w: int, h: int) -> dict:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    mask[y : y + h, x : x + w] = 1
    return coco_mask.encode(mask)


def standing(number: int, x: int, **changes: object) -> Person:
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[:, 0] = x + 2 + np.arange(17) % 6
    keypoints[:, 1] = 8 + np.arange(17) % 16
    keypoints[:, 2] = 2
    person = Person(number, (x, 5, 10, 24), 240.0, rectangle(x, 5, 10, 24), keypoints)
    return replace(person, **changes)


class Room:
    """One image of given persons."""

    name = "room"

    def __init__(self, *persons: Person) -> None:
        self.persons = persons

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> PersonImage:
        return PersonImage(1, "room.png", HEIGHT, WIDTH, self.persons)

    def image(self, index: int) -> np.ndarray:
        ys, xs = np.mgrid[:HEIGHT, :WIDTH]
        return np.stack([ys * 4, xs * 4, ys + xs], axis=-1).astype(np.uint8)


def dataset(*persons: Person, pipeline: tuple = (), **kwargs: object) -> PersonPose2SegDataset:
    return PersonPose2SegDataset(Room(*persons), pipeline, **kwargs)
