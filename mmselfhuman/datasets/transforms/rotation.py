"""People who do not stand upright, made of those who do."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from pycocotools import mask as coco_mask

from mmselfhuman.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RotateFrame(BaseTransform):
    """Turn the image about the sample's person, with all poses and masks.

    Works on samples of :class:`~mmselfhuman.datasets.PersonPose2SegDataset` whose image is loaded. The frame keeps its
    size; joints that leave it are not there any more. A sample stays as it is if its person would leave the frame.

    Args:
        prob: Chance that it is done.
        degrees: The angle is between ``-degrees`` and ``degrees``.
        fill: What there is outside the frame.
    """

    def __init__(self, prob: float = 0.5, degrees: float = 45.0, fill: float = 127.5) -> None:
        self.prob, self.degrees, self.fill = prob, degrees, fill

    def transform(self, results: dict) -> dict:
        """Turn everything, by chance."""
        rng = np.random.default_rng(np.random.randint(2**31))  # noqa: NPY002 (MMEngine seeds NumPy's global state)
        if rng.random() >= self.prob:
            return results
        x, y, w, h = coco_mask.toBbox(results["person_mask"])
        warp = cv2.getRotationMatrix2D((x + w / 2, y + h / 2), rng.uniform(-self.degrees, self.degrees), 1.0)
        height, width = results["img"].shape[:2]
        poses, visibility = results["poses"].copy(), results["visibility"].copy()
        poses[..., :2] = poses[..., :2] @ warp[:, :2].T + warp[:, 2]
        visibility[(poses[..., :2] < 0).any(-1) | (poses[..., :2] > (width - 1, height - 1)).any(-1)] = 0
        poses[visibility == 0] = 0
        person_mask = _turned(results["person_mask"], warp)
        if not visibility[results["person"]].any() or not coco_mask.area(person_mask):
            return results
        border = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": (self.fill,) * 3}
        results["img"] = cv2.warpAffine(results["img"], warp, (width, height), flags=cv2.INTER_LINEAR, **border)
        results["person_mask"] = person_mask
        results["ignored_masks"] = [_turned(mask, warp) for mask in results["ignored_masks"]]
        results["poses"], results["visibility"] = poses, visibility
        return results


def _turned(mask: dict, warp: np.ndarray) -> dict:
    height, width = mask["size"]
    turned = cv2.warpAffine(coco_mask.decode(mask), warp, (width, height), flags=cv2.INTER_NEAREST)
    return coco_mask.encode(np.asfortranarray(turned))
