"""Pixels and label maps of the samples that the datasets of labelled persons give."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmselfhuman.datasets.images import read_image
from mmselfhuman.datasets.sources.masks import union_mask
from mmselfhuman.registry import TRANSFORMS
from mmselfhuman.structures import UNSURE


@TRANSFORMS.register_module()
class LoadPersonImage(BaseTransform):
    """Read ``img_path``, or take the image that a rendering source put into ``img``.

    Annotations refer to the stored pixels: unlike the MM libraries' loaders, this one does not apply an EXIF
    orientation, and it tells a truncated file from a whole one (some versions of OpenCV make up the rest).

    Adds ``img`` ((H, W, 3) uint8, BGR), ``img_shape`` and ``ori_shape`` ((height, width)).

    Args:
        to_float32: Convert the image to float32.
        backend_args: Passed to MMEngine's file backends.

    Raises:
        FileNotFoundError: There is no such file.
        DamagedImageError: The image cannot be decoded, is truncated, or is not of the annotated size.
    """

    def __init__(self, to_float32: bool = False, backend_args: dict | None = None) -> None:
        self.to_float32 = to_float32
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add the image to ``results``."""
        image = results.get("img")
        if image is None:
            image = read_image(results["img_path"], (results["height"], results["width"]), self.backend_args)
        results["img"] = image.astype(np.float32) if self.to_float32 else image
        results["img_shape"] = results["ori_shape"] = image.shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadPersonSegMap(BaseTransform):
    """Draw ``gt_seg_map``: 1 where there is a person, ``ignore_index`` in ignored regions elsewhere, 0 in the rest.

    Where the sample has a ``semantic_map``, it is that map, with ``ignore_index`` where the map is unsure.

    Args:
        ignore_index: Label of pixels that neither loss nor metric counts.
    """

    def __init__(self, ignore_index: int = 255) -> None:
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        """Add ``gt_seg_map`` ((H, W) uint8) to ``results`` and its ``seg_fields``."""
        known = results.get("semantic_map")
        results["gt_seg_map"] = self._draw(results) if known is None else self._relabelled(known)
        results["seg_fields"].append("gt_seg_map")
        return results

    def _draw(self, results: dict) -> np.ndarray:
        size = results["height"], results["width"]
        seg_map = np.zeros(size, dtype=np.uint8)
        seg_map[union_mask(results["ignored_masks"], *size)] = self.ignore_index
        seg_map[union_mask(results["person_masks"], *size)] = 1
        return seg_map

    def _relabelled(self, classes: np.ndarray) -> np.ndarray:
        return np.where(classes == UNSURE, np.uint8(self.ignore_index), classes)
