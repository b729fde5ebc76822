"""Videos with a mask for every frame, laid out as DAVIS is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from mmselfhuman.datasets.images import DamagedImageError, read_image
from mmselfhuman.datasets.video.discovery import IMAGE_SUFFIXES, natural_key
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import Person, PersonImage


@dataclass(frozen=True)
class _AnnotatedFrame:
    video: str
    number: int
    image: Path
    mask: Path


@DATASETS.register_module()
class AnnotatedVideos:
    """A :class:`~mmselfhuman.structures.PersonSource` over frames that have a mask each.

    ``images/<video>/<frame>.jpg`` belongs to ``masks/<video>/<frame>.png``. Whatever is not 0 in a mask (in a palette
    image: every index but 0) is one person. Frames without a mask file stay out; so do videos without any.

    Args:
        images: Folder of the videos' frame folders, relative to ``data_root``.
        masks: Folder of the masks, relative to ``data_root``.
        data_root: Folder that both are relative to.
        frame_step: Take every n-th frame of a video, beginning with the first.

    Raises:
        FileNotFoundError: There is no such folder, or no frame with a mask.
    """

    name = "AnnotatedVideos"

    def __init__(self, images: str, masks: str, data_root: str = "", frame_step: int = 1) -> None:
        self._frames: list[_AnnotatedFrame] = []
        folder, annotations = Path(data_root, images), Path(data_root, masks)
        for place in (folder, annotations):
            if not place.is_dir():
                raise FileNotFoundError(f"{self.name}: no such folder: {place}")
        for video in sorted(path for path in folder.iterdir() if path.is_dir()):
            files = sorted(
                (path for path in video.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES),
                key=lambda path: natural_key(path.name),
            )
            for number, image in list(enumerate(files))[::frame_step]:
                mask = annotations / video.name / f"{image.stem}.png"
                if mask.is_file():
                    self._frames.append(_AnnotatedFrame(video.name, number, image, mask))
        if not self._frames:
            raise FileNotFoundError(f"{self.name}: no frame in {folder} has a mask in {annotations}")

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> PersonImage:
        frame = self._frames[index]
        mask = _read_mask(frame.mask)
        height, width = mask.shape
        rle = coco_mask.encode(np.asfortranarray(mask))
        persons = ()
        if mask.any():
            box = tuple(map(float, coco_mask.toBbox(rle)))
            persons = (Person(index, box, float(coco_mask.area(rle)), rle),)
        name = f"{frame.video}/{frame.image.name}"
        return PersonImage(index, name, height, width, persons, str(frame.image))

    def image(self, index: int) -> np.ndarray:
        """``(H, W, 3)`` uint8, BGR.

        Raises:
            DamagedImageError: It cannot be decoded, or is not of its mask's size.
        """
        item = self[index]
        return read_image(item.path, (item.height, item.width))

    def place(self, index: int) -> tuple[str, int]:
        """Name of the video, and the frame's place in it, counted from 0 over all its images, as videos are read."""
        return self._frames[index].video, self._frames[index].number


def _read_mask(path: Path) -> np.ndarray:
    """``(H, W)`` uint8, 0 and 1.

    Raises:
        DamagedImageError: The file cannot be decoded, or has colours instead of indices.
    """
    read_image(str(path))  # knows damage that Pillow does not mind
    with Image.open(path) as image:  # knows palettes, which OpenCV turns into colours
        labels = np.asarray(image)
    if labels.ndim != 2:
        raise DamagedImageError(f"mask {path} must have one label per pixel, not {labels.shape[2]} channels")
    return (labels != 0).astype(np.uint8)
