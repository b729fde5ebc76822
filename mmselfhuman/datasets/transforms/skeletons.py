"""From an image and everybody's pose to a picture of one person with skeleton maps behind its channels."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmselfhuman.datasets.sources.masks import union_mask
from mmselfhuman.models.pose2seg import crop_skeleton_maps, cut, person_regions
from mmselfhuman.registry import TRANSFORMS
from mmselfhuman.structures import MIRRORED, SIGMAS

_VISIBLE = 2


@TRANSFORMS.register_module()
class PoseNoise(BaseTransform):
    """Make annotated poses as wrong as detected ones are.

    The chances are independent of each other. Changes ``poses`` and ``visibility`` of a sample of
    :class:`~mmselfhuman.datasets.PersonPose2SegDataset`.

    Args:
        drop: Chance that a visible joint is missed.
        drop_hidden: Chance that a hidden joint is.
        jitter: Standard deviation of a joint's place, in units of the OKS of a person as large as its box: 1 gives a
            mean OKS of 0.5, and 0.35 one of 0.89.
        mirror: Chance that a left joint and its right one are taken for each other.
        steal: Chance that a joint is put where another person has that joint, if that is not farther away than the
            root of the person's area.
        miss_others: Chance that another person is not detected at all.
        forget_visibility: Chance that nobody's hidden joints are known to be hidden, as most detectors do not say.
        fragment: Chance that only the joints on one side of a line are found of the sample's person, a third to two
            thirds of them. In half of these cases the others are taken for somebody else's.
        prob: Chance that the poses of a sample are changed at all.
    """

    def __init__(
        self,
        drop: float = 0.05,
        drop_hidden: float = 0.3,
        jitter: float = 0.35,
        mirror: float = 0.05,
        steal: float = 0.03,
        miss_others: float = 0.1,
        forget_visibility: float = 0.5,
        fragment: float = 0.0,
        prob: float = 1.0,
    ) -> None:
        self.prob = prob
        self.drop, self.drop_hidden, self.jitter = drop, drop_hidden, jitter
        self.mirror, self.steal = mirror, steal
        self.miss_others, self.forget_visibility, self.fragment = miss_others, forget_visibility, fragment

    def _generator(self) -> np.random.Generator:
        # From NumPy's global state, which MMEngine seeds in every worker.
        return np.random.default_rng(np.random.randint(2**31))  # noqa: NPY002

    def transform(self, results: dict) -> dict:
        """Change poses; that of the sample's person keeps a joint at least."""
        rng, poses, person = self._generator(), results["poses"].copy(), results["person"]
        if self.prob < 1 and rng.random() >= self.prob:
            return results
        visibility = results["visibility"].copy()
        spread = self.jitter * np.sqrt(results["areas"])[:, None, None] * 2 * SIGMAS[:, None]
        places = poses[..., :2] + (rng.normal(size=(*poses.shape[:2], 2)) * spread).astype(np.float32)
        places, visibility = self._mirrored(places, visibility, rng)
        places = self._stolen(places, visibility, scale=np.sqrt(results["areas"]), rng=rng)
        chance = np.where(visibility == _VISIBLE, float(self.drop), float(self.drop_hidden))
        chance[np.arange(len(poses)) != person] += rng.random((len(poses) - 1, 1)) < self.miss_others
        dropped = rng.random(visibility.shape) < chance
        there = np.flatnonzero(visibility[person])
        if dropped[person, there].all():
            dropped[person, rng.choice(there)] = False
        visibility[dropped] = 0
        if rng.random() < self.forget_visibility:
            visibility[visibility > 0] = _VISIBLE
        poses[..., :2], poses[..., 2] = places, visibility > 0
        poses[visibility == 0] = 0
        results["poses"], results["visibility"] = poses, visibility
        return self._fragmented(results, rng) if rng.random() < self.fragment else results

    @staticmethod
    def _fragmented(results: dict, rng: np.random.Generator) -> dict:
        poses, visibility, person = results["poses"], results["visibility"], results["person"]
        there = np.flatnonzero(visibility[person])
        angle = rng.uniform(0, 2 * np.pi)
        order = there[np.argsort(poses[person, there, :2] @ (np.cos(angle), np.sin(angle)))]
        lost = order[max(1, round(len(order) * rng.uniform(1 / 3, 2 / 3))) :]
        if rng.random() < 0.5 and len(lost):
            rest = np.zeros_like(poses[:1]), np.zeros_like(visibility[:1])
            rest[0][0, lost], rest[1][0, lost] = poses[person, lost], visibility[person, lost]
            poses, visibility = np.concatenate([poses, rest[0]]), np.concatenate([visibility, rest[1]])
            results["areas"] = np.append(results["areas"], results["areas"][person])
        poses[person, lost], visibility[person, lost] = 0, 0
        results["poses"], results["visibility"] = poses, visibility
        return results

    def _mirrored(
        self, places: np.ndarray, visibility: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        partner = np.asarray(MIRRORED)
        joints = np.arange(len(partner))
        swapped = rng.random(visibility.shape) < self.mirror
        swapped = swapped[:, np.minimum(partner, joints)]  # one decision for both
        index = np.where(swapped, partner, joints)
        return np.take_along_axis(places, index[..., None], axis=1), np.take_along_axis(visibility, index, axis=1)

    def _stolen(
        self, places: np.ndarray, visibility: np.ndarray, scale: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        if len(places) < 2:
            return places
        count, joints = visibility.shape
        whose = (np.arange(count)[:, None] + rng.integers(1, count, visibility.shape)) % count
        joint = np.arange(joints)
        stolen = (rng.random(visibility.shape) < self.steal) & (visibility[whose, joint] > 0)
        near = np.linalg.norm(places[whose, joint] - places, axis=-1) < scale[:, None]
        return np.where((stolen & near)[..., None], places[whose, joint], places)


@TRANSFORMS.register_module()
class CropPerson(BaseTransform):
    """Cut the sample's person out of the image, and the target out of the masks.

    Changes ``img`` ((h, w, 3) uint8), and adds ``gt_seg_map`` ((h, w) uint8: 1 where the person is seen,
    ``ignore_index`` in ignored regions elsewhere, 0 in the rest, where others may be), ``region`` ((4,) float32
    ``(x, y, w, h)``, the part of the frame shown) and ``frame_shape``. ``img_shape`` and ``ori_shape`` become those of
    the crop.

    Args:
        size: ``(width, height)`` of the crop, in pixels.
        context: See :func:`~mmselfhuman.models.pose2seg.person_regions`.
        min_side: See the same.
        whole: See the same.
        scale_range: In training, the region's sides are multiplied by a random number from here.
        shift: In training, the region is shifted by up to this share of its sides.
        fill: What there is outside the frame: the value that becomes 0 when the image is normalised.
        ignore_index: Label of pixels that neither loss nor metric counts.
    """

    def __init__(
        self,
        size: tuple[int, int] = (96, 96),
        context: float = 1.4,
        min_side: float = 32.0,
        whole: bool = False,
        scale_range: tuple[float, float] = (1.0, 1.0),
        shift: float = 0.0,
        fill: float = 127.5,
        ignore_index: int = 255,
    ) -> None:
        self.size = tuple(size)
        self.context, self.min_side, self.whole, self.fill = context, min_side, whole, fill
        self.scale_range, self.shift = tuple(scale_range), shift
        self.ignore_index = ignore_index

    def _wobble(self) -> tuple[float, np.ndarray]:
        scale = np.random.uniform(*self.scale_range)  # noqa: NPY002
        return scale, np.random.uniform(-self.shift, self.shift, 2)  # noqa: NPY002

    def transform(self, results: dict) -> dict:
        """Crop everything that has pixels."""
        frame_size, size = results["img"].shape[:2], self.size[::-1]
        pose = torch.from_numpy(results["poses"][results["person"]])[None]
        aspect = self.size[0] / self.size[1]
        region = person_regions(pose, frame_size, None, self.context, aspect, self.min_side, self.whole)
        scale, shift = self._wobble()
        sides = region[:, 2:] * scale
        centre = region[:, :2] + region[:, 2:] * (0.5 + torch.from_numpy(shift).float())
        region = torch.cat([centre - sides / 2, sides], dim=1)
        image = cut(torch.from_numpy(results["img"]).permute(2, 0, 1), region, size, self.fill)[0]
        results["img"] = image.round_().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
        masks = [union_mask(rles, *frame_size) for rles in ([results["person_mask"]], results["ignored_masks"])]
        seen, ignored = cut(torch.from_numpy(np.stack(masks)), region, size)[0].numpy() > 0.5
        results["gt_seg_map"] = np.where(seen, 1, np.where(ignored, self.ignore_index, 0)).astype(np.uint8)
        results["seg_fields"].append("gt_seg_map")
        results["region"], results["frame_shape"] = region[0].numpy(), frame_size
        results["img_shape"] = results["ori_shape"] = size
        return results


@TRANSFORMS.register_module()
class AddSkeletonMaps(BaseTransform):
    """Draw the person's skeleton, and everybody else's, behind the channels of the crop that ``CropPerson`` made.

    ``img`` becomes (h, w, 3 + 14) float32. What works on images comes before, what mirrors pictures may come after.

    Args:
        joint_sigma: In pixels of the crop.
        limb_sigma: In pixels of the crop.
        stride: Draw at this fraction of the resolution and enlarge, see
            :func:`~mmselfhuman.models.pose2seg.crop_skeleton_maps`.
    """

    def __init__(self, joint_sigma: float = 3.0, limb_sigma: float = 2.0, stride: int = 1) -> None:
        self.drawing = {"joint_sigma": joint_sigma, "limb_sigma": limb_sigma, "stride": stride}

    def transform(self, results: dict) -> dict:
        """Add the maps to ``img``."""
        maps = crop_skeleton_maps(
            torch.from_numpy(results["poses"]),
            torch.from_numpy(results["region"])[None],
            results["img"].shape[:2],
            torch.tensor([results["person"]]),
            torch.from_numpy(results["visibility"]),
            **self.drawing,
        )
        image = results["img"].astype(np.float32)
        results["img"] = np.concatenate([image, maps[0].permute(1, 2, 0).numpy()], axis=2)
        return results
