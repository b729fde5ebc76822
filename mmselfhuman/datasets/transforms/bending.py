"""People in poses that the labelled data does not have, made of those that it has."""

from itertools import pairwise

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from pycocotools import mask as coco_mask

from mmselfhuman.datasets.transforms.pasting import hidden_by, nearest_limb
from mmselfhuman.registry import TRANSFORMS
from mmselfhuman.structures import JOINT_INDEX, LIMBS

_VISIBLE = 2


@TRANSFORMS.register_module()
class BendLimbs(BaseTransform):
    """Turn arms and legs of the sample's person, at the shoulder or elbow, hip or knee, as paper dolls do.

    Works on samples of :class:`~mmselfhuman.datasets.PersonPose2SegDataset` whose image is loaded, and changes ``img``,
    ``person_mask``, ``poses`` and ``visibility``. The pixels of a limb are those of the person that are nearest to it.
    They come to lie in front of everything; where they were, the frame is filled from beside the person. Limbs of which
    a joint is hidden, missing, or would leave the frame stay as they are.

    Args:
        prob: Chance for each arm and leg.
        degrees: The angle is between ``-degrees`` and ``degrees``.
    """

    def __init__(self, prob: float = 0.3, degrees: float = 60.0) -> None:
        self.prob, self.degrees = prob, degrees

    def transform(self, results: dict) -> dict:
        """Bend limbs, by chance."""
        rng = np.random.default_rng(np.random.randint(2**31))  # noqa: NPY002 (MMEngine seeds NumPy's global state)
        for chain in _CHAINS:
            if rng.random() < self.prob:
                start = int(rng.integers(2))
                self._bend(results, chain[start:], rng.uniform(-self.degrees, self.degrees), rng)
        return results

    @staticmethod
    def _bend(results: dict, joints: tuple[int, ...], angle: float, rng: np.random.Generator) -> None:
        """Turn what hangs at the first of some joints."""
        person, (pivot, *moved) = results["person"], joints
        pose = results["poses"][person].copy()
        height, width = results["img"].shape[:2]
        warp = cv2.getRotationMatrix2D(pose[pivot, :2].tolist(), angle, 1.0)
        pose[moved, :2] = pose[moved, :2] @ warp[:, :2].T + warp[:, 2]
        inside = (pose[moved, :2] >= 0).all() and (pose[moved, :2] <= (width - 1, height - 1)).all()
        if not inside or (results["visibility"][person, list(joints)] != _VISIBLE).any():
            return
        seen = coco_mask.decode(results["person_mask"]).astype(bool)
        points = np.argwhere(seen)
        limbs = [_NUMBER[frozenset(limb)] for limb in pairwise(joints)]
        limb = np.zeros((height, width), np.uint8)
        limb[tuple(points[np.isin(nearest_limb(points[:, ::-1], results["poses"][person]), limbs)].T)] = 1
        turned = cv2.warpAffine(limb, warp, (width, height), flags=cv2.INTER_NEAREST) > 0
        image = results["img"]
        aside = np.roll(image, int(rng.choice((-1, 1)) * coco_mask.toBbox(results["person_mask"])[2]), axis=1)
        without = np.where(limb[..., None] > 0, aside, image)
        moved_image = cv2.warpAffine(image, warp, (width, height), flags=cv2.INTER_LINEAR)
        results["img"] = np.where(turned[..., None], moved_image, without)
        mask = (seen & (limb == 0)) | turned
        results["person_mask"] = coco_mask.encode(np.asfortranarray(mask.view(np.uint8)))
        results["poses"] = results["poses"].copy()
        results["poses"][person] = pose
        visibility = hidden_by(turned, results["poses"], results["visibility"])
        visibility[person, list(joints)] = _VISIBLE
        results["visibility"] = visibility


_CHAINS = tuple(
    tuple(JOINT_INDEX[f"{side}_{joint}"] for joint in chain)
    for side in ("left", "right")
    for chain in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
)
_NUMBER = {frozenset(limb): number for number, limb in enumerate(LIMBS)}
