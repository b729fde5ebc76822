"""One picture per person, cut from a frame around a pose, and what was predicted on it put back into the frame.

Convention: points ``(x, y)`` are in pixels with the centre of the first pixel at ``(0, 0)``; regions and boxes
``(x, y, w, h)`` go from edge to edge, as the boxes of COCO's masks do, so that the first pixel's region is
``(0, 0, 1, 1)``. Regions may be of any size and lie anywhere, also outside the frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mmselfhuman.models.pose2seg.skeleton_maps import draw_skeleton_maps

# COCO's joints of a person who stands and faces the camera, in heights of the person.
_STANDING = (
    (0.0, 0.09), (0.02, 0.07), (-0.02, 0.07), (0.04, 0.08), (-0.04, 0.08), (0.11, 0.19), (-0.11, 0.19),
    (0.15, 0.35), (-0.15, 0.35), (0.16, 0.49), (-0.16, 0.49), (0.08, 0.52), (-0.08, 0.52),
    (0.08, 0.75), (-0.08, 0.75), (0.08, 0.96), (-0.08, 0.96),
)  # fmt: skip
_ENOUGH_JOINTS = 4


@dataclass(frozen=True, eq=False)
class PersonCrops:
    """Equally large pictures of n persons of one frame.

    Attributes:
        images: ``(n, C, h, w)`` float32, in the frame's units.
        regions: ``(n, 4)`` float32 ``(x, y, w, h)``, the part of the frame that each shows, in pixels.
    """

    images: Tensor
    regions: Tensor

    def __len__(self) -> int:
        return len(self.regions)

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)`` of each picture, in pixels."""
        return tuple(self.images.shape[-2:])


@dataclass(frozen=True, eq=False)
class Window:
    """A rectangle of a frame and what is in it.

    Attributes:
        x, y: Column and row of its first pixel in the frame.
        values: ``(..., h, w)``; h or w may be 0.
    """

    x: int
    y: int
    values: Tensor

    def of(self, frame: Tensor) -> Tensor:
        """The part of a ``(..., H, W)`` frame in this window, as a view."""
        height, width = self.values.shape[-2:]
        return frame[..., self.y : self.y + height, self.x : self.x + width]


def person_regions(
    poses: Tensor,
    frame_size: tuple[int, int],
    boxes: Tensor | None = None,
    context: float = 1.4,
    aspect: float = 1.0,
    min_side: float = 32.0,
    whole: bool = False,
) -> Tensor:
    """The part of the frame to look at for each person.

    It has the centre of the person's joints, or box, and ``context`` times their extent, lengthened in one direction to
    the wanted aspect. A person without a joint and without a box gets the whole frame.

    Detected poses are often parts of persons. With ``whole``, missing joints are looked for where they would be if the
    person stood, see :func:`expected_joints`, as far as that is inside the frame.

    Args:
        poses: ``(n, 17, 3)`` of ``(x, y, score)``; joints with score 0 are not there.
        frame_size: ``(height, width)`` in pixels.
        boxes: ``(n, 4)`` ``(x, y, w, h)`` in pixels, taken instead of the joints' where the width and height are
            positive.
        context: At least 1. Joints lie inside a body, so that their extent alone would cut off head, hands and feet.
        aspect: Width / height of the regions.
        min_side: The least width and height before the aspect is made up for, in pixels.
        whole: Make room for missing joints.

    Returns:
        ``(n, 4)`` float32 ``(x, y, w, h)``.

    Raises:
        ValueError: The number of boxes is not that of the poses.
    """
    there = (poses[..., 2] > 0)[..., None]
    points = poses[..., :2].float()
    # From the edge of the first joint's pixel to that of the last one's.
    low = torch.where(there, points, torch.inf).amin(1)
    high = torch.where(there, points, -torch.inf).amax(1) + 1
    height, width = frame_size
    frame = torch.tensor([width, height], dtype=torch.float32, device=poses.device)
    nobody = ~there.any(1)
    if whole:
        expected = expected_joints(poses).clamp(min=torch.zeros(2, device=poses.device), max=frame - 1)
        missing = expected.isfinite().all(-1, keepdim=True) & ~there
        low = torch.minimum(low, torch.where(missing, expected, torch.inf).amin(1))
        high = torch.maximum(high, torch.where(missing, expected, -torch.inf).amax(1) + 1)
    low, high = torch.where(nobody, 0.0, low), torch.where(nobody, frame, high)
    grown = torch.where(nobody, 1.0, context)
    if boxes is not None:
        if boxes.shape != (len(poses), 4):
            raise ValueError(f"boxes are {tuple(boxes.shape)}, expected ({len(poses)}, 4) of (x, y, w, h)")
        corner, sides = boxes.to(low).split(2, dim=1)
        boxed = (sides > 0).all(1, keepdim=True)
        low, high = torch.where(boxed, corner, low), torch.where(boxed, corner + sides, high)
        grown = torch.where(boxed, context, grown)
    centre = (low + high) / 2
    w, h = ((high - low) * grown).clamp(min=min_side).unbind(1)
    sides = torch.stack([torch.maximum(w, h * aspect), torch.maximum(h, w / aspect)], dim=1)
    return torch.cat([centre - sides / 2, sides], dim=1)


def expected_joints(poses: Tensor) -> Tensor:
    """Where all joints would be if the person stood upright or upside down, leaned or lay, facing either way.

    A standing figure is moved, turned and scaled to the joints that are there, by least squares.

    Args:
        poses: ``(n, 17, 3)`` of ``(x, y, score)`` in pixels; joints with score 0 are not there.

    Returns:
        ``(n, 17, 2)`` float32 ``(x, y)`` in pixels; NaN for persons of whom fewer than four joints are there.
    """
    weights = (poses[..., 2] > 0).float()[:, None]
    places = torch.view_as_complex(torch.where(poses[..., 2:] > 0, poses[..., :2], 0).float().contiguous())[:, None]
    # Facing the camera, and away from it.
    figure = torch.view_as_complex(poses.new_tensor([_STANDING, [(-x, y) for x, y in _STANDING]]).float())
    count = weights.sum(-1, keepdim=True)
    centre, middle = ((values * weights).sum(-1, keepdim=True) / count for values in (places, figure))
    aside, away = (places - centre) * weights, (figure - middle) * weights
    turn = (aside * away.conj()).sum(-1, keepdim=True) / away.abs().square().sum(-1, keepdim=True)
    error = (aside - turn * away).abs().square().sum(-1)
    fitted = centre + turn * (figure - middle)
    best = torch.view_as_real(fitted[torch.arange(len(poses)), error.argmin(1)])
    return torch.where(count >= _ENOUGH_JOINTS, best, torch.nan)


def person_crops(
    image: Tensor,
    poses: Tensor,
    boxes: Tensor | None = None,
    size: tuple[int, int] = (96, 96),
    context: float = 1.4,
    min_side: float = 32.0,
    fill: float = 127.5,
) -> PersonCrops:
    """Cut out every person of a frame; see :func:`person_regions` and :func:`cut`.

    Args:
        image: ``(3, H, W)``.
        poses: ``(n, 17, 3)`` of ``(x, y, score)``, in pixels of the frame.
        boxes: ``(n, 4)`` ``(x, y, w, h)`` in pixels.
        size: ``(height, width)`` of the pictures, in pixels. Persons are not distorted.
        context: See :func:`person_regions`.
        min_side: See :func:`person_regions`.
        fill: What there is outside the frame: the value that becomes 0 when the picture is normalised.
    """
    regions = person_regions(poses, image.shape[-2:], boxes, context, size[1] / size[0], min_side)
    return PersonCrops(cut(image, regions, size, fill), regions)


def cut(image: Tensor, regions: Tensor, size: tuple[int, int], fill: float = 0.0) -> Tensor:
    """Regions of a frame, resampled to equal size.

    Enlarging is bilinear; where pixels become fewer, the filter is as wide as a new pixel, so that nothing is skipped.

    Args:
        image: ``(C, H, W)``.
        regions: ``(n, 4)`` ``(x, y, w, h)`` in pixels, of positive width and height.
        size: ``(height, width)`` in pixels.
        fill: What there is outside the frame.

    Returns:
        ``(n, C, height, width)`` float32.
    """
    result = image.new_empty((len(regions), image.shape[0], *size), dtype=torch.float32)
    for number, (x, y, w, h) in enumerate(regions.tolist()):
        (rows, down), (columns, across) = (
            _filter(start, extent, new, old, image.device)
            for start, extent, new, old in zip((y, x), (h, w), size, image.shape[-2:], strict=True)
        )
        part = image[:, rows, columns].float() - fill
        result[number] = down @ (part @ across.T) + fill
    return result


def _filter(start: float, extent: float, new: int, old: int, device: torch.device) -> tuple[slice, Tensor]:
    """The pixels of an axis of length ``old`` that ``new`` pixels between two edges see, and ``(new, seen)`` weights.

    The weights of a pixel add up to 1 less the share that lies outside the axis.
    """
    scale = extent / new
    reach = max(scale, 1.0)
    places = start + (torch.arange(new, dtype=torch.float64) + 0.5) * scale - 0.5
    first = int(places[0] - reach) - 1
    pixels = torch.arange(first, int(places[-1] + reach) + 2, dtype=torch.float64)
    weights = (1 - (pixels - places[:, None]).abs() / reach).clamp(min=0)
    weights /= weights.sum(1, keepdim=True)
    low, high = (min(max(edge, 0), old) for edge in (first, first + len(pixels)))
    return slice(low, high), weights[:, low - first : high - first].to(device, torch.float32)


def to_crop(points: Tensor, regions: Tensor, size: tuple[int, int]) -> Tensor:
    """Points of the frame in the pixels of crops.

    Args:
        points: ``(n, k, 2)`` ``(x, y)`` in pixels of the frame.
        regions: ``(n, 4)`` ``(x, y, w, h)``.
        size: ``(height, width)`` of the crops, in pixels.

    Returns:
        ``(n, k, 2)``.
    """
    scale = regions[:, None, 2:] / regions.new_tensor([size[1], size[0]])
    return (points + 0.5 - regions[:, None, :2]) / scale - 0.5


def crop_skeleton_maps(
    poses: Tensor,
    regions: Tensor,
    size: tuple[int, int],
    persons: Tensor | None = None,
    visibility: Tensor | None = None,
    joint_sigma: float = 3.0,
    limb_sigma: float = 2.0,
    stride: int = 1,
) -> Tensor:
    """Skeleton maps of crops, with everybody else who reaches into them.

    Args:
        poses: ``(m, 17, 3)`` of ``(x, y, score)`` of all persons of the frame, in its pixels.
        regions: ``(n, 4)`` ``(x, y, w, h)`` of the crops.
        size: ``(height, width)`` of the crops, in pixels.
        persons: ``(n,)`` int64, whose crop each is; ``None``: crop i is person i's.
        visibility: ``(m, 17)``, COCO's 0, 1, 2; ``None``: all joints are visible.
        joint_sigma: In pixels of the crop.
        limb_sigma: In pixels of the crop.
        stride: Draw at a resolution lower by this factor, and enlarge. With sigmas of 4 strides the error stays below
            0.07, at a small part of the cost.

    Returns:
        ``(n, 14, height, width)`` float32; see :mod:`~mmselfhuman.models.pose2seg.skeleton_maps`.
    """
    persons = torch.arange(len(poses), device=poses.device) if persons is None else persons
    crop, other = _beside(poses, regions, persons)
    drawn_size = tuple(-(-side // stride) for side in size)

    def placed(chosen: Tensor, region: Tensor) -> Tensor:
        return torch.cat([to_crop(poses[chosen, :, :2].float(), region, drawn_size), poses[chosen, :, 2:]], dim=-1)

    maps = draw_skeleton_maps(
        placed(persons, regions),
        drawn_size,
        None if visibility is None else visibility[persons],
        others=placed(other, regions[crop]),
        others_visibility=None if visibility is None else visibility[other],
        beside=crop,
        joint_sigma=joint_sigma / stride,
        limb_sigma=limb_sigma / stride,
    )
    return maps if stride == 1 else F.interpolate(maps, size, mode="bilinear", align_corners=False)


def _beside(poses: Tensor, regions: Tensor, persons: Tensor) -> tuple[Tensor, Tensor]:
    """``(p,)`` crops and ``(p,)`` persons whose joints' box touches them and who are not the crop's own."""
    there = (poses[..., 2] > 0)[..., None]
    low = torch.where(there, poses[..., :2], torch.inf).amin(1)
    high = torch.where(there, poses[..., :2], -torch.inf).amax(1)
    # A Gaussian reaches a little farther than its joint: an eighth of a region is more than three sigmas.
    margin = regions[:, None, 2:] / 8
    corner, far = regions[:, None, :2] - margin, regions[:, None, :2] + regions[:, None, 2:] + margin
    touching = ((low < far) & (high > corner)).all(-1)
    touching[torch.arange(len(persons), device=persons.device), persons] = False
    return touching.nonzero(as_tuple=True)


def paste_windows(logits: Tensor, regions: Tensor, frame_size: tuple[int, int]) -> Iterator[Window]:
    """What was predicted on crops at the resolution of the frame, one person after the other, where the crop lies.

    Args:
        logits: ``(n, K, h, w)``, of any size: that of the crops or the network's own.
        regions: ``(n, 4)`` ``(x, y, w, h)`` of the crops, in pixels of the frame.
        frame_size: ``(height, width)`` in pixels.

    Yields:
        For each person ``(K, h', w')`` in the pixels of the frame whose centres lie in the region; none if it lies
        outside the frame.
    """
    for person, (x, y, w, h) in zip(logits, regions.tolist(), strict=True):
        (top, rows), (left, columns) = (
            _pixels_inside(start, extent, new, old)
            for start, extent, new, old in zip((y, x), (h, w), person.shape[-2:], frame_size, strict=True)
        )
        # Lines of memory are taken faster than single numbers: columns while they are rows.
        across = _between_rows(person.float().mT.contiguous(), columns)
        yield Window(left, top, _between_rows(across.mT.contiguous(), rows))


def _pixels_inside(start: float, extent: float, new: int, old: int) -> tuple[int, Tensor]:
    """Of an axis of length ``old`` the first pixel whose centre lies between two edges, and where all these lie among
    the ``new`` pixels between them: ``(n,)`` float64, those beyond the centres of the outermost ones on these."""
    low, high = (min(max(_first_centre_after(edge), 0), old) for edge in (start, start + extent))
    pixels = torch.arange(low, high, dtype=torch.float64)
    return low, ((pixels + 0.5 - start) * (new / extent) - 0.5).clamp(0, new - 1)


def _between_rows(values: Tensor, places: Tensor) -> Tensor:
    """``(..., n, m)`` at ``(k,)`` places from 0 to n - 1, linear in between: ``(..., k, m)``."""
    before = places.long()
    after = (before + 1).clamp(max=values.shape[-2] - 1)
    share = (places - before).to(values)[:, None]
    first, second = (values.index_select(-2, rows.to(values.device)) for rows in (before, after))
    return torch.lerp(first, second, share)


def _first_centre_after(edge: float) -> int:
    """The first pixel whose centre, half a pixel from its edge, does not lie before ``edge``."""
    return -int(-(edge - 0.5) // 1)


def paste(logits: Tensor, crops: PersonCrops, frame_size: tuple[int, int], background_margin: float = 20.0) -> Tensor:
    """Whole frames of logits for n persons: n frames in memory. Most uses need no more than :func:`paste_windows`.

    Args:
        logits: ``(n, K, h, w)``.
        crops: Of the n persons.
        frame_size: ``(height, width)`` in pixels.
        background_margin: Outside the crop nothing was predicted: the logit of class 0, all others being 0.

    Returns:
        ``(n, K, H, W)`` float32.
    """
    result = logits.new_zeros((*logits.shape[:2], *frame_size), dtype=torch.float32)
    result[:, 0] = background_margin
    for frame, window in zip(result, paste_windows(logits, crops.regions, frame_size), strict=True):
        window.of(frame).copy_(window.values)
    return result
