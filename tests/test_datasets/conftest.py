"""A tiny COCO-format person file that tests change at one place, and what is logged."""

import json
import logging
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.logging import MMLogger

WIDTH, HEIGHT = 8, 6

STANDING = [value for joint in range(17) for value in (joint % WIDTH, joint % HEIGHT, 2)]

CONTENT = {
    "images": [
        {"id": 7, "file_name": "b.png", "width": WIDTH, "height": HEIGHT},
        {"id": 3, "file_name": "a.png", "width": WIDTH, "height": HEIGHT},
    ],
    "annotations": [
        # columns 1-3, rows 2-4: 3 x 3 pixels
        {
            "id": 20,
            "image_id": 7,
            "category_id": 1,
            "bbox": [1, 2, 3, 3],
            "area": 9,
            "iscrowd": 0,
            "num_keypoints": 17,
            "keypoints": STANDING,
            "segmentation": [[1, 2, 4, 2, 4, 5, 1, 5]],
        },
        # columns 3-4 of all rows, as runs in column-major order: 3 x 6 off, 2 x 6 on, 3 x 6 off
        {
            "id": 10,
            "image_id": 7,
            "category_id": 1,
            "bbox": [3, 0, 2, 6],
            "area": 12,
            "iscrowd": 1,
            "num_keypoints": 0,
            "keypoints": [0] * 51,
            "segmentation": {"size": [HEIGHT, WIDTH], "counts": [18, 12, 18]},
        },
        # a mask without keypoints
        {
            "id": 11,
            "image_id": 3,
            "category_id": 1,
            "bbox": [0, 0, 2, 2],
            "area": 4,
            "iscrowd": 0,
            "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]],
        },
    ],
    "categories": [{"id": 1, "name": "person"}],
}


@pytest.fixture
def coco_content() -> dict:
    """Two images of 8 x 6 pixels; in the first a person and a crowd, in the second a person without keypoints."""
    return deepcopy(CONTENT)


@pytest.fixture
def write_coco(tmp_path: Path) -> Callable[[dict], str]:
    """Write a COCO-format file and, beside it, its images (grey level 10 x image id); returns the path of the file."""

    def write(content: dict) -> str:
        for image in content["images"]:
            pixels = np.full((HEIGHT, WIDTH, 3), 10 * image["id"], dtype=np.uint8)
            cv2.imwrite(str(tmp_path / image["file_name"]), pixels)
        path = tmp_path / "persons.json"
        path.write_text(json.dumps(content))
        return str(path)

    return write


@pytest.fixture
def log_lines() -> Iterator[list[str]]:
    """What MMEngine's current logger logs at warning level while the test runs."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, handler = MMLogger.get_current_instance(), Keep(logging.WARNING)
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)
