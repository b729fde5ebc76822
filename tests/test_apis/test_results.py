"""What is drawn and written of persons is their masks, whichever lies on top."""

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from mmselfhuman.apis.results import draw, label_map
from mmselfhuman.models.detectors import FramePersons, FramePoses
from mmselfhuman.visualization import draw_masks


def persons_of(masks: np.ndarray, scores: list[float]) -> FramePersons:
    poses = FramePoses(torch.zeros(len(masks), 17, 3), torch.ones(len(masks)))
    rles = [coco_mask.encode(np.asfortranarray(mask.view(np.uint8))) for mask in masks]
    return FramePersons(masks.shape[1:], poses, rles, torch.ones(len(masks)), torch.tensor(scores))


@pytest.fixture
def masks() -> np.ndarray:
    masks = np.zeros((3, 40, 50), dtype=bool)
    masks[0, 5:20, 8:30] = masks[1, 12:40, 20:50] = masks[2, :9, :12] = True
    masks[1, 20:25, 25:30] = False
    return masks


@pytest.mark.parametrize(("ids", "dtype"), [(None, np.uint8), ([7, 300, 2], np.uint16)])
def test_the_better_mask_is_on_top(masks: np.ndarray, ids: list[int] | None, dtype: type) -> None:
    numbers = label_map(persons_of(masks, [0.9, 0.8, 0.7]), ids)
    first, second, third = ids or (1, 2, 3)
    expected = np.where(masks[0], first, np.where(masks[1], second, np.where(masks[2], third, 0)))
    assert numbers.dtype == dtype
    np.testing.assert_array_equal(numbers, expected)


def test_drawing_is_that_of_whole_masks_from_the_worst_to_the_best(masks: np.ndarray) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    before = image.copy()
    drawn = draw(image, persons_of(masks, [0.9, 0.8, 0.1]), min_score=0.3)
    np.testing.assert_array_equal(drawn, draw_masks(image, masks[[1, 0]], ids=[1, 0]))
    np.testing.assert_array_equal(image, before)
