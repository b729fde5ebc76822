"""Tools for optical flow: look up along it, chain it, and check it against itself, the images and the masks.

Convention (of every function here, unless it says otherwise):
    * A flow is ``(N, 2, H, W)`` floating, in pixels, channel 0 is x (right), channel 1 is y (down). It maps a pixel of
      ``src`` to its place in ``dst``: ``p`` is seen at ``p + flow[p]``.
    * The integer coordinate is the *centre* of a pixel; the first is (0, 0), the last (W - 1, H - 1). In the terms of
      ``grid_sample`` that is ``align_corners=True``.
    * Looking up between pixels is bilinear. A place outside ``[0, W - 1] x [0, H - 1]`` is *outside*: a lookup there
      gets the nearest pixel of the border, and :func:`inside` tells.
    * Results have the dtype and device of their inputs. In float32, a lookup is off by at most 1e-4 pixels at 1,000
      pixels width, because ``grid_sample`` takes normalised places; in float64 the error is below 1e-12.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """Fetch, for every pixel of ``src``, what ``dst`` shows at the place to which the flow maps it.

    Args:
        image: ``(N, C, H, W)`` floating, of ``dst``.
        flow: ``(N, 2, H, W)``, ``src`` to ``dst``, of the same dtype.

    Returns:
        ``(N, C, H, W)``, laid out like ``src``: ``image[p + flow[p]]``, bilinear, border pixels repeated outside.

    Raises:
        TypeError: A tensor is not floating, or the dtypes differ.
        ValueError: A shape is another.
    """
    check_flow(flow)
    if image.dtype != flow.dtype:
        raise TypeError(f"image: expected the flow's dtype {flow.dtype}, got {image.dtype}")
    if image.ndim != 4 or image.shape[0] != flow.shape[0] or image.shape[2:] != flow.shape[2:]:
        raise ValueError(f"image: expected (N, C, H, W) that fits flow {tuple(flow.shape)}, got {tuple(image.shape)}")
    return _look_up(image, flow, "bilinear")


def sample(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Look up single places of an image.

    Args:
        image: ``(C, H, W)`` floating.
        x, y: Places in pixels, of any one shape and the image's dtype.

    Returns:
        ``(C, *x.shape)``, bilinear, border pixels repeated outside.
    """
    height, width = image.shape[1:]
    grid = torch.stack([2 * x.reshape(-1) / max(width - 1, 1) - 1, 2 * y.reshape(-1) / max(height - 1, 1) - 1], -1)
    found = F.grid_sample(image[None], grid[None, None], mode="bilinear", padding_mode="border", align_corners=True)
    return found.view(image.shape[0], *x.shape)


def fetch_labels(labels: Tensor, flow: Tensor) -> Tensor:
    """The label of ``dst`` at the pixel nearest to where the flow maps each pixel of ``src``.

    Args:
        labels: ``(N, H, W)`` whole numbers up to 2^24, of ``dst``.
        flow: ``(N, 2, H, W)``, ``src`` to ``dst``.

    Returns:
        ``(N, H, W)`` of the labels' dtype; outside, the nearest border pixel. A place halfway between two pixels gets
        either.

    Raises:
        TypeError: ``flow`` is not floating.
        ValueError: A shape is another.
    """
    check_flow(flow)
    if labels.ndim != 3 or labels.shape != flow[:, 0].shape:
        raise ValueError(f"labels: expected (N, H, W) that fits flow {tuple(flow.shape)}, got {tuple(labels.shape)}")
    # Several times faster on a CPU than computing an index and gathering.
    return _look_up(labels[:, None].to(flow.dtype), flow, "nearest")[:, 0].to(labels.dtype)


def inside(flow: Tensor) -> Tensor:
    """Which vectors end inside ``dst``.

    Args:
        flow: ``(N, 2, H, W)``.

    Returns:
        ``(N, 1, H, W)`` bool; false also where a vector is NaN.
    """
    check_flow(flow)
    height, width = flow.shape[2:]
    centred, extent = _centred_grid(height, width, flow.dtype, flow.device)
    within = (flow + centred).abs_() <= extent
    return within[:, :1] & within[:, 1:]


def compose(first: Tensor, second: Tensor) -> Tensor:
    """Chain two steps: ``first`` from A to B, then ``second`` from B to C, sampled where the first step arrived.

    Equations (6)-(9) of the paper integrate the displacement over many frames by this, one step at a time.

    Args:
        first: ``(N, 2, H, W)``, A to B.
        second: ``(N, 2, H, W)``, B to C.

    Returns:
        ``(N, 2, H, W)``, A to C: ``first[p] + second[p + first[p]]``. A vector that left the image goes on with the
        motion of the nearest border pixel, so that it may come back.
    """
    return first + warp(second, first)


def consistency_error(forward: Tensor, backward: Tensor) -> Tensor:
    """How far from its start a pixel ends that goes forward and then back.

    Args:
        forward: ``(N, 2, H, W)``, ``src`` to ``dst``.
        backward: ``(N, 2, H, W)``, ``dst`` to ``src``.

    Returns:
        ``(N, 1, H, W)`` in pixels, for the pixels of ``src``.
    """
    x, y = compose(forward, backward).split(1, dim=1)
    return torch.hypot(x, y)


def occlusion(forward: Tensor, backward: Tensor, relative: float = 0.01, absolute: float = 0.5) -> Tensor:
    r"""Pixels of ``src`` that are hidden in ``dst`` or leave it, by forward-backward inconsistency.

    With the forward vector f of a pixel and the backward vector b where it arrived, the pixel is occluded if

    .. math:: |f + b|^2 > \text{relative} \, (|f|^2 + |b|^2) + \text{absolute}

    or if it ends outside (Sundaram et al., Dense Point Trajectories by GPU-accelerated Large Displacement Optical Flow,
    ECCV 2010, whose constants are the defaults).

    Args:
        forward: ``(N, 2, H, W)``, ``src`` to ``dst``.
        backward: ``(N, 2, H, W)``, ``dst`` to ``src``.
        relative: Without unit.
        absolute: In square pixels.

    Returns:
        ``(N, 1, H, W)`` bool.
    """
    back = warp(backward, forward)
    error, lengths = _squared_length(forward + back), _squared_length(forward) + _squared_length(back)
    return (error > relative * lengths + absolute) | ~inside(forward)


def mask_consistency(src_labels: Tensor, dst_labels: Tensor, flow: Tensor) -> Tensor:
    """Which vectors link two pixels of the same label.

    Args:
        src_labels: ``(N, H, W)``, of ``src``.
        dst_labels: ``(N, H, W)``, of ``dst``.
        flow: ``(N, 2, H, W)``, ``src`` to ``dst``.

    Returns:
        ``(N, H, W)`` bool. A vector that ends outside is compared with the nearest border pixel, as
        :func:`fetch_labels` says.
    """
    if src_labels.shape != dst_labels.shape:
        raise ValueError(
            f"src_labels {tuple(src_labels.shape)} and dst_labels {tuple(dst_labels.shape)} differ in size"
        )
    return src_labels == fetch_labels(dst_labels, flow)


def photometric_error(src: Tensor, dst: Tensor, flow: Tensor) -> Tensor:
    """How much the two ends of a vector differ in colour.

    Args:
        src, dst: ``(N, C, H, W)`` floating images.
        flow: ``(N, 2, H, W)``, ``src`` to ``dst``.

    Returns:
        ``(N, 1, H, W)`` in the images' units: the mean over the channels of the absolute difference.
    """
    return warp(dst, flow).sub_(src).abs_().mean(dim=1, keepdim=True)


def resize_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Flow for images of another size: resampled, and its vectors scaled likewise.

    Args:
        flow: ``(N, 2, H, W)``.
        size: ``(height, width)`` of the result; mean of the covered area where it shrinks, bilinear where it grows.

    Returns:
        ``(N, 2, *size)``; the flow itself if it has that size.
    """
    check_flow(flow)
    height, width = flow.shape[2:]
    if (height, width) == tuple(size):
        return flow
    scale = flow.new_tensor([size[1] / width, size[0] / height]).view(1, 2, 1, 1)
    return resize(flow, size) * scale


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """An image, or logits, at another size.

    Args:
        image: ``(N, C, H, W)`` floating.
        size: ``(height, width)``. Mean of the covered area where either side shrinks, else bilinear with the image's
            *outer* edges kept in place (``align_corners=False``).

    Returns:
        ``(N, C, *size)``; the image itself if it has that size.
    """
    for axis in (2, 3):
        # As long as it divides, halving gives the same mean faster.
        while image.shape[axis] % 2 == 0 and image.shape[axis] // 2 >= size[axis - 2]:
            image = _halved(image, axis)
    height, width = image.shape[2:]
    if (height, width) == tuple(size):
        return image
    if size[0] < height or size[1] < width:
        return F.interpolate(image, size=tuple(size), mode="area")
    return F.interpolate(image, size=tuple(size), mode="bilinear", align_corners=False)


def check_flow(flow: Tensor, name: str = "flow") -> None:
    """Refuse what is not a flow.

    Raises:
        TypeError: Not floating.
        ValueError: Not ``(N, 2, H, W)``.
    """
    if not flow.is_floating_point():
        raise TypeError(f"{name}: expected a floating dtype, got {flow.dtype}")
    if flow.ndim != 4 or flow.shape[1] != 2:
        raise ValueError(f"{name}: expected shape (N, 2, H, W), got {tuple(flow.shape)}")


def _look_up(image: Tensor, flow: Tensor, mode: str) -> Tensor:
    height, width = flow.shape[2:]
    base, scale = _normalised_grid(height, width, flow.dtype, flow.device)
    grid = torch.addcmul(base, flow, scale).permute(0, 2, 3, 1)
    return F.grid_sample(image, grid, mode=mode, padding_mode="border", align_corners=True)


@lru_cache(maxsize=8)
def _centred_grid(height: int, width: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """The (x, y) of every pixel counted from the middle of the image, and how far the border is from there."""
    extent = torch.tensor([(width - 1) / 2, (height - 1) / 2], dtype=dtype, device=device).view(1, 2, 1, 1)
    return _pixel_grid(height, width, dtype, device) - extent, extent


@lru_cache(maxsize=8)
def _normalised_grid(height: int, width: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """The places of all pixels as ``grid_sample`` counts, -1 to 1, and the factor that takes pixels there."""
    # A side of one pixel has no extent: its only coordinate is -1, and no step leads away from it.
    scale = torch.tensor([2 / (side - 1) if side > 1 else 0 for side in (width, height)], dtype=dtype, device=device)
    scale = scale.view(1, 2, 1, 1)
    return _pixel_grid(height, width, dtype, device) * scale - 1, scale


def _pixel_grid(height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """``(1, 2, height, width)``, the (x, y) of every pixel."""
    y, x = torch.meshgrid(
        torch.arange(height, dtype=dtype, device=device),
        torch.arange(width, dtype=dtype, device=device),
        indexing="ij",
    )
    return torch.stack([x, y])[None]


def _halved(image: Tensor, axis: int) -> Tensor:
    even, odd = image.unfold(axis, 2, 2).unbind(-1)
    return (even + odd).mul_(0.5)


def _squared_length(flow: Tensor) -> Tensor:
    return flow[:, :1].square() + flow[:, 1:].square()
