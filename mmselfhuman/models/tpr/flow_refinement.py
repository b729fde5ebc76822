"""The flow refinement unit, section 3.3 of the paper: vectors that contradict the masks are searched again.

Convention: flow, images and borders as in :mod:`mmselfhuman.models.flow.ops`. A *matching error* is the mean absolute
difference of two patches less the difference of their means, in the images' units: one patch around a pixel of ``src``,
and one, rigidly moved, around the place in ``dst`` to which the pixel's vector points. Without the means, a change of
light is no error. Of a patch, every second pixel of every second row is looked at, the corners included: as good as all
of them, and three times faster.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mmselfhuman.models.flow.ops import check_flow, consistency_error, mask_consistency, sample

_CHUNK = 4096  # vectors searched at a time, so that their candidates' patches stay in a core's cache


def unreliable_vectors(
    flow: Tensor,
    src_labels: Tensor,
    dst_labels: Tensor,
    backward: Tensor | None = None,
    max_inconsistency: float = 1.0,
) -> Tensor:
    """Vectors that cannot be right if the masks are: they link pixels of different labels.

    Args:
        flow: ``(N, 2, H, W)``, ``src`` to ``dst``.
        src_labels, dst_labels: ``(N, H, W)`` predicted labels of the two frames.
        backward: ``(N, 2, H, W)``, ``dst`` to ``src``: if given, vectors that do not lead back are unreliable too.
        max_inconsistency: How many pixels from its start a vector may end that goes forward and back.

    Returns:
        ``(N, H, W)`` bool. Vectors that end outside ``dst`` link nothing and are never unreliable.
    """
    wrong = ~mask_consistency(src_labels, dst_labels, flow)
    if backward is not None:
        wrong |= consistency_error(flow, backward)[:, 0] > max_inconsistency
    # Few are: looking at their ends alone is faster than at all.
    index, y, x = wrong.nonzero(as_tuple=True)
    wrong[index, y, x] = _ends_inside(x, y, flow[index, :, y, x].T, *flow.shape[2:])
    return wrong


@dataclass(frozen=True)
class FlowRefinement:
    """Search unreliable vectors again over their surrounding region, by patch matching error.

    A vector is searched if it does not *lead back*: its detour, the distance from its start at which one ends that goes
    along it and back, exceeds ``max_detour``. (If it does lead back, the labels are wrong rather than the flow.) The
    image is divided into square cells of ``step`` pixels. Candidates are the vectors at the centres of the cells up to
    ``radius`` pixels from the pixel's own cell, in x and y, that lead back. Of those that match better than the vector
    does, and end inside ``dst``, the one nearest to the candidates' median takes its place; of equally near ones the
    one from the nearest cell, then from the upper, then from the left one. Patches that reach beyond an image see its
    border repeated.

    Ours: the paper says what is minimised, not among which candidates. All displacements of a region are the obvious
    set and a bad one: along edges, in flat areas and where a pixel is hidden in ``dst``, some displacement always
    matches better than the true one, and the end-point error grows. So it does, less, if the best match among the
    motions seen nearby is taken; what most of them agree on is the safer choice.

    Attributes:
        radius: Of the region, in pixels; a multiple of ``step`` is meant.
        step: Side of a cell, in pixels.
        patch_radius: Half the side of a patch, in pixels.
        max_detour: In pixels.

    Raises:
        ValueError: A setting is out of its range.
    """

    radius: int = 24
    step: int = 8
    patch_radius: int = 2
    max_detour: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("step", 1), ("radius", self.step), ("patch_radius", 1), ("max_detour", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: expected at least {least}, got {getattr(self, name)}")

    def __call__(self, src: Tensor, dst: Tensor, flow: Tensor, backward: Tensor, wanted: Tensor) -> Tensor:
        """Refine flow.

        Args:
            src, dst: ``(N, C, H, W)`` images of the flow's dtype; one channel (luminance) is enough and fastest.
            flow: ``(N, 2, H, W)``, ``src`` to ``dst``.
            backward: ``(N, 2, H, W)``, ``dst`` to ``src``.
            wanted: ``(N, H, W)`` bool, the vectors to search again.

        Returns:
            ``(N, 2, H, W)``; equal to ``flow`` but for wanted vectors for which a better one was found.

        Raises:
            TypeError: A flow is not floating or ``wanted`` not bool.
            ValueError: Shapes do not fit together.
        """
        _check(src, dst, flow, backward, wanted)
        refined = flow.clone()
        for index in wanted.flatten(1).any(1).nonzero()[:, 0].tolist():
            y, x = wanted[index].nonzero(as_tuple=True)
            search = _Search(self, src[index], dst[index], flow[index], backward[index])
            for columns, rows in zip(x.split(_CHUNK), y.split(_CHUNK), strict=True):
                refined[index, :, rows, columns] = search(columns, rows)
        return refined


def matching_errors(src: Tensor, dst: Tensor, x: Tensor, y: Tensor, vectors: Tensor, patch_radius: int) -> Tensor:
    """Matching errors of single vectors.

    Args:
        src, dst: ``(C, H, W)`` floating images.
        x, y: ``(n,)`` int64, the pixels of ``src`` from which the vectors start.
        vectors: ``(2, n)`` floating.
        patch_radius: Half the side of a patch, in pixels.

    Returns:
        ``(n,)``
    """
    return _difference(
        _patches(src, x, y, patch_radius), _patches_at(dst, x + vectors[0], y + vectors[1], patch_radius)
    )


def _patches(image: Tensor, x: Tensor, y: Tensor, radius: int) -> Tensor:
    """Patches around pixels, less their means, ``(C, n, pixels of a patch)``."""
    across, down = _patch_steps(radius, x.device)
    height, width = image.shape[1:]
    columns, rows = (x[:, None] + across).clamp_(0, width - 1), (y[:, None] + down).clamp_(0, height - 1)
    return _centred(image.flatten(1)[:, rows.mul_(width).add_(columns)])


def _patches_at(image: Tensor, x: Tensor, y: Tensor, radius: int) -> Tensor:
    """Likewise around places between pixels."""
    across, down = _patch_steps(radius, x.device)
    return _centred(sample(image, x[:, None] + across, y[:, None] + down))


def _patch_steps(radius: int, device: torch.device) -> tuple[Tensor, Tensor]:
    steps = torch.arange(-radius, radius + 1, 2, device=device)
    return steps.repeat(len(steps)), steps.repeat_interleave(len(steps))


def _centred(patches: Tensor) -> Tensor:
    return patches.sub_(patches.mean(-1, keepdim=True))


def _difference(first: Tensor, second: Tensor) -> Tensor:
    return second.sub_(first).abs_().mean(-1).mean(0)


class _Search:
    """The search over one pair of frames: ``(C, H, W)`` images, ``(2, H, W)`` flows."""

    def __init__(self, settings: FlowRefinement, src: Tensor, dst: Tensor, flow: Tensor, backward: Tensor) -> None:
        self.settings, self.src, self.dst, self.flow, self.backward = settings, src, dst, flow, backward
        self.cells = self._cells()

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """The best vectors, ``(2, n)``, of the pixels at ``x``, ``y``, both ``(n,)`` int64."""
        best = self.flow[:, y, x]
        lost = (self._detours(x, y, best) > self.settings.max_detour).nonzero()[:, 0]
        x, y, current = x[lost], y[lost], best[:, lost]
        candidates, cell = self._candidates(x, y)
        radius = self.settings.patch_radius
        here = _patches(self.src, x, y, radius)
        bounds = _difference(here, _patches_at(self.dst, x + current[0], y + current[1], radius))
        pixels, start, count = torch.arange(len(x), device=x.device), 0, 4
        # Nearest to the median first, a few at a time: most pixels need no more than the first few.
        while len(pixels) and start < candidates.shape[2]:
            tried = candidates[:, cell[pixels], start : start + count]
            possible = _ends_inside(x[pixels, None], y[pixels, None], tried, *self.flow.shape[1:])
            row, column = possible.nonzero(as_tuple=True)
            pixel, vectors = pixels[row], tried[:, row, column]
            there = _patches_at(self.dst, x[pixel] + vectors[0], y[pixel] + vectors[1], radius)
            better = torch.zeros_like(possible)
            better[row, column] = _difference(here[:, pixel], there) < bounds[pixel]
            found, first = better.any(1), better.byte().argmax(1)
            hits = found.nonzero()[:, 0]
            best[:, lost[pixels[hits]]] = tried[:, hits, first[hits]]
            pixels, start, count = pixels[~found], start + count, 2 * count
        return best

    def _cells(self) -> Tensor:
        """The vectors at the centres of all cells, ``(2, rows, columns)``, NaN for those that do not lead back."""
        y, x = (_centres(side, self.settings.step, self.flow.device) for side in self.flow.shape[1:])
        rows, columns = torch.meshgrid(y, x, indexing="ij")
        vectors = self.flow[:, rows, columns]
        return vectors.masked_fill(self._detours(columns, rows, vectors) > self.settings.max_detour, torch.nan)

    def _candidates(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors ``(2, cells, k)`` from around the pixels' cells, and each pixel's cell among them, ``(n,)``.

        They are in the order of their distance to their median, then of that of the cells they come from; NaN, at the
        end, where there is none.
        """
        rows, columns = self.cells.shape[1:]
        cells, place = torch.unique((y // self.settings.step) * columns + x // self.settings.step, return_inverse=True)
        reach = self.settings.radius // self.settings.step
        steps = torch.arange(-reach, reach + 1, device=x.device)
        down, across = steps.repeat_interleave(len(steps)), steps.repeat(len(steps))
        nearest = (down.square() + across.square()).argsort(stable=True)
        row, column = (cells // columns)[:, None] + down[nearest], (cells % columns)[:, None] + across[nearest]
        exists = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        vectors = self.cells[:, row.clamp_(0, rows - 1), column.clamp_(0, columns - 1)]
        vectors = vectors.masked_fill(~exists, torch.nan)
        order = torch.hypot(*(vectors - vectors.nanmedian(2, keepdim=True).values)).argsort(dim=1, stable=True)
        return vectors.gather(2, order.expand(2, -1, -1)), place

    def _detours(self, x: Tensor, y: Tensor, vectors: Tensor) -> Tensor:
        back = sample(self.backward, x + vectors[0], y + vectors[1])
        return torch.hypot(vectors[0] + back[0], vectors[1] + back[1])


def _centres(side: int, step: int, device: torch.device) -> Tensor:
    """Where the cells along a side have their centres, int64."""
    return torch.arange(step // 2, side + step // 2, step, device=device).clamp_(max=side - 1)


def _ends_inside(x: Tensor, y: Tensor, vectors: Tensor, height: int, width: int) -> Tensor:
    """Whether vectors ``(2, ...)`` that start at ``x``, ``y`` end inside an image."""
    end_x, end_y = x + vectors[0], y + vectors[1]
    return (end_x >= 0) & (end_x <= width - 1) & (end_y >= 0) & (end_y <= height - 1)


def _check(src: Tensor, dst: Tensor, flow: Tensor, backward: Tensor, wanted: Tensor) -> None:
    check_flow(flow)
    check_flow(backward, "backward")
    if flow.shape != backward.shape:
        raise ValueError(f"flow {tuple(flow.shape)} and backward {tuple(backward.shape)} differ in size")
    if src.shape != dst.shape or src.ndim != 4 or src[:, 0].shape != flow[:, 0].shape:
        raise ValueError(
            f"src {tuple(src.shape)}, dst {tuple(dst.shape)}: expected (N, C, H, W) that fit flow {tuple(flow.shape)}"
        )
    if wanted.shape != flow[:, 0].shape:
        raise ValueError(f"wanted: expected (N, H, W) that fits flow {tuple(flow.shape)}, got {tuple(wanted.shape)}")
    if wanted.dtype != torch.bool:
        raise TypeError(f"wanted: expected bool, got {wanted.dtype}")
