r"""Skeletons as images: what Pose2Seg sees of the person that it is to segment, and of those beside.

Every channel is :math:`e^{-d^2 / 2 \sigma^2}` with :math:`d` the distance, in pixels, to the nearest joint or limb that
the channel shows; 1 on it, 0 where there is none. A joint is a point, a limb a straight segment between two joints. A
limb is hidden if one of its ends is.

=========== ============================================================================================
channels    show
=========== ============================================================================================
0 - 3       this person's visible joints: head, trunk, arms, legs
4           this person's hidden joints
5 - 8       this person's visible limbs: head, trunk, arms, legs
9           this person's hidden limbs
10, 11      everybody else's joints: visible, hidden
12, 13      everybody else's limbs: visible, hidden
=========== ============================================================================================

Left and right share channels, so that the maps of a mirrored picture are the mirrored maps.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mmselfhuman.structures import JOINTS, LIMBS, NUM_JOINTS

PARTS: tuple[str, ...] = ("head", "trunk", "arms", "legs")

_PART_OF_JOINT = {
    "nose": 0,
    "eye": 0,
    "ear": 0,
    "shoulder": 1,
    "hip": 1,
    "elbow": 2,
    "wrist": 2,
    "knee": 3,
    "ankle": 3,
}
JOINT_PARTS: tuple[int, ...] = tuple(_PART_OF_JOINT[joint.split("_")[-1]] for joint in JOINTS)
"""Index into ``PARTS`` of every joint. Shoulders and hips belong to the trunk."""

LIMB_PARTS: tuple[int, ...] = tuple(
    # An arm begins at the shoulder and a leg at the hip, but what leads from the trunk to an ear is the head's.
    0 if 0 in (JOINT_PARTS[a], JOINT_PARTS[b]) else max(JOINT_PARTS[a], JOINT_PARTS[b])
    for a, b in LIMBS
)
"""Index into ``PARTS`` of every limb of ``LIMBS``."""

CHANNELS: tuple[str, ...] = (
    *(f"visible joints: {part}" for part in PARTS),
    "hidden joints",
    *(f"visible limbs: {part}" for part in PARTS),
    "hidden limbs",
    "others' visible joints",
    "others' hidden joints",
    "others' visible limbs",
    "others' hidden limbs",
)
NUM_CHANNELS = len(CHANNELS)
_OWN = CHANNELS.index("hidden limbs") + 1

_HIDDEN, _VISIBLE = 1, 2
_MAP_BYTES = 32 * 2**20


def poses_from_coco(keypoints: Tensor) -> tuple[Tensor, Tensor]:
    """COCO's annotated keypoints as poses and their visibility.

    Args:
        keypoints: ``(..., 17, 3)`` of ``(x, y, v)``, ``v`` 0 = not labelled, 1 = hidden, 2 = visible.

    Returns:
        ``(..., 17, 3)`` of ``(x, y, score)``, the score 1 where the joint is labelled and else 0, and ``(..., 17)``
        uint8, ``v``.
    """
    visibility = keypoints[..., 2]
    poses = torch.cat([keypoints[..., :2], (visibility > 0).to(keypoints)[..., None]], dim=-1)
    return poses, visibility.to(torch.uint8)


def draw_skeleton_maps(
    poses: Tensor,
    size: tuple[int, int],
    visibility: Tensor | None = None,
    others: Tensor | None = None,
    others_visibility: Tensor | None = None,
    beside: Tensor | None = None,
    joint_sigma: float = 3.0,
    limb_sigma: float = 2.0,
) -> Tensor:
    """Draw the skeletons of n persons, each on a picture of its own, with those of others who are in it.

    Persons are drawn together, in portions that keep memory bounded; the result does not depend on them.

    Args:
        poses: ``(n, 17, 3)`` of ``(x, y, score)``, in pixels of each person's own picture; the centre of the first
            pixel is ``(0, 0)``. A joint with score 0 is not there, whatever its place.
        size: ``(height, width)`` of the pictures, in pixels.
        visibility: ``(n, 17)``, COCO's 0 = not there, 1 = hidden, 2 = visible; ``None``: all joints are visible.
        others: ``(m, 17, 3)`` poses of other persons, in pixels of the picture in which each is drawn.
        others_visibility: ``(m, 17)``.
        beside: ``(m,)`` int64 in [0, n), the picture in which each of the others is drawn.
        joint_sigma: In pixels.
        limb_sigma: In pixels.

    Returns:
        ``(n, 14, height, width)`` float32 in [0, 1]; see the channels above.

    Raises:
        ValueError: A shape is not as above, or ``others`` and ``beside`` do not come together.
    """
    seen = _visibility(poses, visibility, "poses")
    if (others is None) != (beside is None):
        raise ValueError("others and beside come together: the other persons, and in whose picture each is")
    maps = poses.new_zeros((len(poses), NUM_CHANNELS, *size), dtype=torch.float32)
    sigmas = (joint_sigma, limb_sigma)
    for some in _portions(len(poses), size):
        maps[some, :_OWN] = _draw(poses[some], seen[some], size, sigmas, JOINT_PARTS, LIMB_PARTS)
    if others is not None:
        if beside.shape != others.shape[:1]:
            raise ValueError(f"beside is {tuple(beside.shape)}, expected one number for each of {len(others)} others")
        others_seen = _visibility(others, others_visibility, "others")
        one = (0,)
        for some in _portions(len(others), size):
            drawn = _draw(others[some], others_seen[some], size, sigmas, one * NUM_JOINTS, one * len(LIMBS))
            index = beside[some].view(-1, 1, 1, 1).expand_as(drawn)
            maps[:, _OWN:].scatter_reduce_(0, index, drawn, reduce="amax")
    return maps


def _visibility(poses: Tensor, visibility: Tensor | None, name: str) -> Tensor:
    """``(n, 17)`` with 0 wherever there is no joint."""
    if poses.ndim != 3 or poses.shape[1:] != (NUM_JOINTS, 3):
        raise ValueError(f"{name} are {tuple(poses.shape)}, expected (n, {NUM_JOINTS}, 3) of (x, y, score)")
    if visibility is None:
        return torch.where(poses[..., 2] > 0, _VISIBLE, 0)
    if visibility.shape != poses.shape[:2]:
        raise ValueError(f"visibility of {name} is {tuple(visibility.shape)}, expected {tuple(poses.shape[:2])}")
    return torch.where(poses[..., 2] > 0, visibility.to(torch.int64), 0)


def _portions(count: int, size: tuple[int, int]) -> Iterator[slice]:
    step = max(1, _MAP_BYTES // (4 * len(LIMBS) * size[0] * size[1]))
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def _draw(
    poses: Tensor,
    visibility: Tensor,
    size: tuple[int, int],
    sigmas: tuple[float, float],
    joint_parts: Sequence[int],
    limb_parts: Sequence[int],
) -> Tensor:
    """``(n, channels, h, w)``: the visible joints of each part, the hidden ones, and the same of limbs."""
    rows, columns = (torch.arange(side, dtype=torch.float32, device=poses.device) for side in size)
    # What is not there may lie anywhere, also at infinity.
    points = torch.where(visibility[..., None] > 0, poses[..., :2].float(), 0.0)
    joints, joint_counts = _by_part(joint_parts)
    limbs, limb_counts = _by_part(limb_parts)
    ends = torch.tensor(LIMBS)[limbs].to(poses.device)
    to_joints = _to_points(points[:, joints], rows, columns)
    to_limbs = _to_segments(points[:, ends[:, 0]], points[:, ends[:, 1]], rows, columns)
    return torch.cat(
        [
            _nearest(to_joints, visibility[:, joints], joint_counts, sigmas[0]),
            _nearest(to_limbs, visibility[:, ends].amin(-1), limb_counts, sigmas[1]),
        ],
        dim=1,
    )


def _by_part(parts: Sequence[int]) -> tuple[list[int], list[int]]:
    """The order in which those of a part stand together, and how many each part has."""
    return sorted(range(len(parts)), key=parts.__getitem__), [parts.count(part) for part in range(max(parts) + 1)]


def _to_points(points: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """``(n, j, h, w)`` squared distances of every pixel to ``(n, j, 2)`` points."""
    across = (columns - points[..., :1]).square()
    down = (rows - points[..., 1:]).square()
    return down[..., :, None] + across[..., None, :]


def _to_segments(start: Tensor, end: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """``(n, l, h, w)`` squared distances of every pixel to the segments between ``(n, l, 2)`` points."""
    along = end - start
    unit = along / along.square().sum(-1, keepdim=True).clamp(min=1e-12)
    x, y = (columns - start[..., :1])[..., None, :], (rows - start[..., 1:])[..., :, None]
    # How far along the segment the nearest point lies, from 0 at its start to 1 at its end.
    place = (x * unit[..., 0, None, None] + y * unit[..., 1, None, None]).clamp_(0, 1)
    squares = torch.addcmul(x, place, along[..., 0, None, None], value=-1).square_()
    return squares.add_(torch.addcmul(y, place, along[..., 1, None, None], value=-1).square_())


def _nearest(squares: Tensor, visibility: Tensor, counts: Sequence[int], sigma: float) -> Tensor:
    """``(n, parts + 1, h, w)``: for the visible ones of each part, which stand together, then for all hidden ones."""
    n, total, *size = squares.shape
    result = squares.new_full((n, len(counts) + 1, *size), torch.inf)
    for wanted, channels, members in ((_VISIBLE, slice(-1), counts), (_HIDDEN, slice(-1, None), [total])):
        absent = visibility != wanted
        if absent.all():
            continue
        shown = squares.masked_fill(absent[..., None, None], torch.inf) if absent.any() else squares
        for channel, group in zip(result[:, channels].unbind(1), shown.split(members, dim=1), strict=True):
            torch.amin(group, dim=1, out=channel)
    return result.mul_(-0.5 / sigma**2).exp_()
