"""Overlap and occlusion made by hand: other persons, and things, in front of the sample's person or behind."""

from collections.abc import Callable

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from pycocotools import mask as coco_mask

from mmselfhuman.datasets.transforms.loading import LoadPersonImage
from mmselfhuman.registry import TRANSFORMS
from mmselfhuman.structures import JOINTS, LIMBS

_HIDDEN, _VISIBLE = 1, 2
_PARTS = ("trunk", "left elbow", "right elbow", "left knee", "right knee")


def _part(limb: tuple[int, int]) -> int:
    """Arms hang at their elbow, legs at their knee; all other limbs belong to the trunk."""
    names = [JOINTS[joint].replace("_", " ").replace("wrist", "elbow").replace("ankle", "knee") for joint in limb]
    return next((_PARTS.index(name) for name in names if name in _PARTS), 0)


_PART_OF_LIMB = np.array([_part(limb) for limb in LIMBS])


@TRANSFORMS.register_module()
class PastePerson(BaseTransform):
    """Paste a person of another image over the sample's person, or behind it, with everything that is then true.

    Labelled persons overlap less than those that Pose2Seg is for. Works on samples of
    :class:`~mmselfhuman.datasets.PersonPose2SegDataset` whose image is loaded: changes ``img``, ``person_mask`` (what
    is still seen of the person) and ``visibility`` (joints that are covered now are hidden), and adds the other person
    to ``poses``, ``visibility`` and ``areas``. A sample stays as it is if too little of its person would be left, or
    nothing would be seen of the other.

    Args:
        prob: Chance that it is done.
        shift: How far the other's box may lie from the person's, as shares of the width and the height of the person's
            box.
        interlaced: Chance that the other's trunk and each of the limbs lie in front or behind for themselves, as they
            do when two hold each other; else the other does as a whole.
        scale_range: The other's height over the person's.
        least_seen: Share of the person's seen pixels that must stay.
        load: Reads the other image.
    """

    def __init__(
        self,
        prob: float = 0.5,
        shift: tuple[float, float] = (0.4, 0.4),
        interlaced: float = 0.0,
        scale_range: tuple[float, float] = (0.8, 1.25),
        least_seen: float = 0.25,
        load: Callable[[dict], dict] | None = None,
    ) -> None:
        self.prob, self.shift, self.scale_range = prob, np.array(shift), tuple(scale_range)
        self.interlaced, self.least_seen = interlaced, least_seen
        self.load = load or LoadPersonImage()

    def transform(self, results: dict) -> dict:
        """Paste somebody, by chance."""
        rng = np.random.default_rng(np.random.randint(2**31))  # noqa: NPY002 (MMEngine seeds NumPy's global state)
        if rng.random() >= self.prob:
            return results
        donor = self.load(results["draw"](rng))
        seen = coco_mask.decode(results["person_mask"]).astype(bool)
        warp = self._warp(coco_mask.toBbox(results["person_mask"]), coco_mask.toBbox(donor["person_mask"]), rng)
        size = seen.shape[1], seen.shape[0]
        pasted = cv2.warpAffine(coco_mask.decode(donor["person_mask"]), warp, size, flags=cv2.INTER_NEAREST) > 0
        poses, visibility = self._added(results, donor, warp)
        shown = pasted & ~(seen & self._behind(poses[-1], pasted & seen, rng))
        left = seen & ~shown
        if left.sum() < self.least_seen * seen.sum() or not shown.any():
            return results
        image = cv2.warpAffine(donor["img"], warp, size, flags=cv2.INTER_LINEAR)
        results["img"] = np.where(shown[..., None], image, results["img"])
        results["person_mask"] = coco_mask.encode(np.asfortranarray(left.view(np.uint8)))
        visibility[:-1] = hidden_by(shown, poses[:-1], visibility[:-1])
        visibility[-1:] = hidden_by(left, poses[-1:], visibility[-1:])
        results["poses"], results["visibility"] = poses, visibility
        area = donor["areas"][donor["person"]] * abs(np.linalg.det(warp[:, :2]))
        results["areas"] = np.append(results["areas"], np.float32(area))
        return results

    def _warp(self, box: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """``(2, 3)`` that maps the other image's pixels to this one's."""
        scale = rng.uniform(*self.scale_range) * max(box[2:]) / max(*other[2:], 1)
        centre = box[:2] + box[2:] * (0.5 + rng.uniform(-self.shift, self.shift))
        return np.hstack([np.eye(2) * scale, (centre - scale * (other[:2] + other[2:] / 2))[:, None]])

    def _behind(self, pose: np.ndarray, common: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Where the other is behind the person, of the ``(H, W)`` bool pixels that both would have: ``(H, W)`` bool."""
        if rng.random() >= self.interlaced:
            return np.full_like(common, rng.random() < 0.5)
        behind = rng.random(len(_PARTS)) < 0.5
        result = np.zeros_like(common)
        result[common] = behind[_PART_OF_LIMB[nearest_limb(np.argwhere(common)[:, ::-1], pose)]]
        return result

    @staticmethod
    def _added(results: dict, donor: dict, warp: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pose = donor["poses"][donor["person"]].copy()
        pose[:, :2] = pose[:, :2] @ warp[:, :2].T + warp[:, 2]
        height, width = results["img"].shape[:2]
        outside = (pose[:, :2] < 0).any(1) | (pose[:, :2] > (width - 1, height - 1)).any(1)
        visibility = np.where(outside, 0, donor["visibility"][donor["person"]]).astype(np.uint8)
        pose[visibility == 0] = 0
        return np.concatenate([results["poses"], pose[None]]), np.concatenate([results["visibility"], visibility[None]])


@TRANSFORMS.register_module()
class PasteThing(BaseTransform):
    """Put a thing in front of the sample's person: a pole, a board or something round, textured by another image.

    Works on samples of :class:`~mmselfhuman.datasets.PersonPose2SegDataset` whose image is loaded, and changes ``img``,
    ``person_mask`` and ``visibility``, as :class:`PastePerson` does.

    Args:
        prob: Chance that it is done.
        width_range: Its width, as a share of the longer side of the person's seen part; poles have the least.
        least_seen: Share of the person's seen pixels that must stay; else the sample stays as it is.
        load: Reads the other image.
    """

    def __init__(
        self,
        prob: float = 0.5,
        width_range: tuple[float, float] = (0.06, 0.5),
        least_seen: float = 0.25,
        load: Callable[[dict], dict] | None = None,
    ) -> None:
        self.prob, self.width_range, self.least_seen = prob, tuple(width_range), least_seen
        self.load = load or LoadPersonImage()

    def transform(self, results: dict) -> dict:
        """Put something there, by chance."""
        rng = np.random.default_rng(np.random.randint(2**31))  # noqa: NPY002 (MMEngine seeds NumPy's global state)
        if rng.random() >= self.prob:
            return results
        seen = coco_mask.decode(results["person_mask"]).astype(bool)
        shown = self._shape(coco_mask.toBbox(results["person_mask"]), seen.shape, rng)
        left = seen & ~shown
        if left.sum() < self.least_seen * seen.sum():
            return results
        donor = self.load(results["draw"](rng))["img"]
        texture = cv2.resize(_random_part(donor, rng), seen.shape[::-1], interpolation=cv2.INTER_LINEAR)
        results["img"] = np.where(shown[..., None], texture, results["img"])
        results["person_mask"] = coco_mask.encode(np.asfortranarray(left.view(np.uint8)))
        results["visibility"] = hidden_by(shown, results["poses"], results["visibility"])
        return results

    def _shape(self, box: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        """``(H, W)`` bool."""
        side, angle = max(box[2:]), float(rng.uniform(-30, 30))
        centre = box[:2] + box[2:] * rng.random(2)
        width = rng.uniform(*self.width_range) * side
        kind, shape = rng.integers(3), np.zeros(size, np.uint8)
        if kind == 0:
            sides = self.width_range[0] * side * rng.uniform(1, 2), 2 * max(size)
        else:
            sides = width, rng.uniform(0.5, 2) * width
        outline = tuple(map(float, centre)), tuple(map(float, sides)), angle
        if kind == 1:
            cv2.ellipse(shape, outline, 1, -1)
        else:
            cv2.fillConvexPoly(shape, cv2.boxPoints(outline).round().astype(np.int32), 1)
        return shape.astype(bool)


def nearest_limb(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """``(k,)`` indices into ``LIMBS``: of a ``(17, 3)`` pose's limbs the nearest to each of ``(k, 2)`` points."""
    ends = pose[np.array(LIMBS)]
    start, along = ends[:, 0, :2], ends[:, 1, :2] - ends[:, 0, :2]
    there = points[:, None] - start
    place = (there * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-6)
    distance = np.linalg.norm(there - np.clip(place, 0, 1)[..., None] * along, axis=-1)
    distance[:, (ends[..., 2] == 0).any(1)] = np.inf
    return distance.argmin(1)


def _random_part(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of an image, between a sixteenth and the half of its height and width."""
    height, width = np.maximum(1, (np.array(image.shape[:2]) * rng.uniform(1 / 16, 1 / 2, 2)).astype(int))
    y, x = (rng.integers(whole - part + 1) for whole, part in zip(image.shape[:2], (height, width), strict=True))
    return image[y : y + height, x : x + width]


def hidden_by(cover: np.ndarray, poses: np.ndarray, visibility: np.ndarray) -> np.ndarray:
    """``(n, 17)`` visibility when the ``(H, W)`` bool pixels of ``cover`` lie before the joints of ``(n, 17, 3)``."""
    x, y = np.clip(poses[..., :2].round().astype(int), 0, (cover.shape[1] - 1, cover.shape[0] - 1)).transpose(2, 0, 1)
    return np.where((visibility == _VISIBLE) & cover[y, x], _HIDDEN, visibility).astype(np.uint8)
