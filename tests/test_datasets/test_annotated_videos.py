"""Frames and masks in folders, as DAVIS has them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from mmselfhuman.datasets import AnnotatedVideos
from mmselfhuman.datasets.images import DamagedImageError

MASK = np.array([[0, 0, 0, 0], [0, 7, 0, 0], [0, 7, 255, 0]], np.uint8)


def _write(folder: Path, frames: dict[str, np.ndarray | None]) -> dict[str, str]:
    for name, mask in frames.items():
        for kind, suffix, content in (("images", "jpg", np.zeros((3, 4, 3), np.uint8)), ("masks", "png", mask)):
            path = folder / kind / f"{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is not None:
                cv2.imwrite(str(path), content)
    return {"data_root": str(folder), "images": "images", "masks": "masks"}


def test_whatever_is_not_0_is_one_person(tmp_path: Path) -> None:
    source = AnnotatedVideos(**_write(tmp_path, {"walk/000": MASK, "walk/001": MASK * 0}))
    (person,) = source[0].persons
    assert (coco_mask.decode(person.mask) == (MASK > 0)).all()
    assert (person.box, person.area) == ((1, 1, 2, 2), 3)
    assert source[1].persons == ()
    assert (source[0].file_name, source[0].height, source[0].width) == ("walk/000.jpg", 3, 4)
    assert source.image(0).shape == (3, 4, 3)


def test_palette_images_count_by_index(tmp_path: Path) -> None:
    settings = _write(tmp_path, {"walk/0": MASK})
    image = Image.fromarray((MASK == 255).astype(np.uint8), "P")
    image.putpalette([200, 200, 200, 0, 0, 0])
    image.save(tmp_path / "masks" / "walk" / "0.png")
    assert AnnotatedVideos(**settings)[0].persons[0].area == 1


def test_frames_are_counted_as_videos_are_read(tmp_path: Path) -> None:
    frames = {"walk/2": MASK, "walk/10": MASK, "walk/9": None, "run/5": MASK, "sit/1": None}
    settings = _write(tmp_path, frames)
    source = AnnotatedVideos(**settings)
    assert [source.place(index) for index in range(len(source))] == [("run", 0), ("walk", 0), ("walk", 2)]
    source = AnnotatedVideos(**settings, frame_step=2)
    assert [source.place(index) for index in range(len(source))] == [("run", 0), ("walk", 0), ("walk", 2)]


def test_what_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    settings = _write(tmp_path, {"walk/0": None})
    with pytest.raises(FileNotFoundError, match=r"no such folder: .*nowhere"):
        AnnotatedVideos(**settings | {"masks": "nowhere"})
    with pytest.raises(FileNotFoundError, match=r"no frame in .*images has a mask in .*masks"):
        AnnotatedVideos(**settings)
    cv2.imwrite(str(tmp_path / "masks" / "walk" / "0.png"), np.zeros((3, 4, 3), np.uint8))
    with pytest.raises(DamagedImageError, match="must have one label per pixel, not 3 channels"):
        AnnotatedVideos(**settings)[0]
