"""The flow refinement unit, section 3.3 of the paper: vectors that contradict the masks are searched again.

Convention: flow, images and borders as in :mod:`mmselfhuman.models.flow.ops`. A *matching error* is the mean absolute
difference of two patches, in the images' units: one around a pixel of ``src``, and one, rigidly moved, around the place
in ``dst`` to which the pixel's vector points.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mmselfhuman.models.flow.ops import check_flow, consistency_error, mask_consistency, sample

_CHUNK = 2048  # vectors searched at a time, so that their candidates' patches stay in a core's cache


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
    """Search unreliable vectors again over their surrounding region, for the least matching error.

    A vector is searched if it does not lead back: its *detour*, the distance from its start at which one ends that goes
    along it and back, exceeds ``max_detour``. (If it does lead back, the labels are wrong rather than the flow.) The
    candidates are the reliable vectors at the pixels around it, at distances of ``step`` up to ``radius`` in x and y,
    that link pixels of one label, end inside ``dst`` and do lead back. Candidates from beyond the image are left out;
    patches that reach beyond it see its border repeated. Of equal errors, the candidate from the nearest pixel wins,
    then the upper, then the left one. A vector is replaced only if its matching error falls.

    Ours: the paper says what is minimised, not among which candidates. All displacements of a region are the obvious
    set and a bad one: along edges, in flat areas and where a pixel is hidden in ``dst``, some displacement always
    matches better than the true one, and the end-point error grows. Motions seen nearby that lead back do not go astray
    like that.

    Attributes:
        radius: Of the region, in pixels.
        step: Between the pixels of the region whose vectors are tried.
        patch_radius: Half the side of a patch, which has ``(2 * patch_radius + 1) ** 2`` pixels.
        max_detour: In pixels.

    Raises:
        ValueError: A setting is out of its range.
    """

    radius: int = 8
    step: int = 4
    patch_radius: int = 2
    max_detour: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("step", 1), ("radius", self.step), ("patch_radius", 0), ("max_detour", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: expected at least {least}, got {getattr(self, name)}")

    def __call__(
        self,
        src: Tensor,
        dst: Tensor,
        flow: Tensor,
        backward: Tensor,
        src_labels: Tensor,
        dst_labels: Tensor,
        unreliable: Tensor,
        wanted: Tensor | None = None,
    ) -> Tensor:
        """Refine flow.

        Args:
            src, dst: ``(N, C, H, W)`` images of the flow's dtype; one channel (luminance) is enough and fastest.
            flow: ``(N, 2, H, W)``, ``src`` to ``dst``.
            backward: ``(N, 2, H, W)``, ``dst`` to ``src``.
            src_labels, dst_labels: ``(N, H, W)`` predicted labels.
            unreliable: ``(N, H, W)`` bool, the vectors that are no candidates for others.
            wanted: ``(N, H, W)`` bool, the vectors to search again; all unreliable ones if ``None``.

        Returns:
            ``(N, 2, H, W)``; equal to ``flow`` but for wanted vectors for which a better one was found.

        Raises:
            TypeError: A flow is not floating or ``unreliable`` not bool.
            ValueError: Shapes do not fit together.
        """
        wanted = unreliable if wanted is None else wanted
        _check(src, dst, flow, backward, src_labels, dst_labels, unreliable, wanted)
        refined = flow.clone()
        for index in wanted.flatten(1).any(1).nonzero()[:, 0].tolist():
            y, x = wanted[index].nonzero(as_tuple=True)
            inputs = (src, dst, flow, backward, src_labels, dst_labels, unreliable)
            search = _Search(self, *(part[index] for part in inputs))
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
    steps = torch.arange(-patch_radius, patch_radius + 1, device=x.device)
    across, down = steps.repeat(len(steps)), steps.repeat_interleave(len(steps))
    height, width = src.shape[1:]
    columns, rows = (x[:, None] + across).clamp_(0, width - 1), (y[:, None] + down).clamp_(0, height - 1)
    here = src.flatten(1)[:, rows * width + columns]
    there = sample(dst, (x + vectors[0])[:, None] + across, (y + vectors[1])[:, None] + down)
    return there.sub_(here).abs_().mean(-1).mean(0)


class _Search:
    """The search over one pair of frames."""

    def __init__(
        self,
        settings: FlowRefinement,
        src: Tensor,
        dst: Tensor,
        flow: Tensor,
        backward: Tensor,
        src_labels: Tensor,
        dst_labels: Tensor,
        unreliable: Tensor,
    ) -> None:
        self.settings = settings
        self.src, self.dst, self.flow, self.backward = src, dst, flow, backward
        self.src_labels, self.dst_labels = src_labels.flatten(), dst_labels.flatten()
        self.reliable = ~unreliable.flatten()
        steps = torch.arange(-settings.radius, settings.radius + 1, settings.step, device=flow.device)
        down, across = steps.repeat_interleave(len(steps)), steps.repeat(len(steps))
        around = (across.square() + down.square()).argsort(stable=True)[1:]  # without the pixel itself
        self.across, self.down = across[around], down[around]

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """The best vectors, ``(2, n)``, of the pixels at ``x``, ``y``, both ``(n,)`` int64."""
        current = self.flow[:, y, x]
        lost = (self._detours(x, y, current) > self.settings.max_detour).nonzero()[:, 0]
        x, y, before = x[lost], y[lost], current[:, lost]
        vectors, possible = self._candidates(x, y)
        pixel, rank = possible.nonzero(as_tuple=True)
        chosen = vectors[:, pixel, rank]
        returns = self._detours(x[pixel], y[pixel], chosen) <= self.settings.max_detour
        pixel, rank, chosen = pixel[returns], rank[returns], chosen[:, returns]
        errors = vectors.new_full(possible.shape, torch.inf)
        errors[pixel, rank] = self._errors(x[pixel], y[pixel], chosen)
        best, rank = errors.min(1)
        found = (best < torch.inf).nonzero()[:, 0]
        found = found[best[found] < self._errors(x[found], y[found], before[:, found])]
        current[:, lost[found]] = vectors[:, found, rank[found]]
        return current

    def _candidates(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors ``(2, n, k)`` from around the pixels, nearest first, and which of them ``(n, k)`` link one label."""
        height, width = self.flow.shape[1:]
        columns, rows = x[:, None] + self.across, y[:, None] + self.down
        possible = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        place = rows.clamp_(0, height - 1) * width + columns.clamp_(0, width - 1)
        vectors = self.flow.flatten(1)[:, place]
        possible &= self.reliable[place] & _ends_inside(x[:, None], y[:, None], vectors, height, width)
        # Ends outside are not possible; clamping only keeps their lookup from failing.
        column, row = (x[:, None] + vectors[0]).round_().long(), (y[:, None] + vectors[1]).round_().long()
        nearest = row.clamp_(0, height - 1) * width + column.clamp_(0, width - 1)
        possible &= self.dst_labels[nearest] == self.src_labels[y * width + x][:, None]
        return vectors, possible

    def _detours(self, x: Tensor, y: Tensor, vectors: Tensor) -> Tensor:
        back = sample(self.backward, x + vectors[0], y + vectors[1])
        return torch.hypot(vectors[0] + back[0], vectors[1] + back[1])

    def _errors(self, x: Tensor, y: Tensor, vectors: Tensor) -> Tensor:
        return matching_errors(self.src, self.dst, x, y, vectors, self.settings.patch_radius)


def _ends_inside(x: Tensor, y: Tensor, vectors: Tensor, height: int, width: int) -> Tensor:
    """Whether vectors ``(2, ...)`` that start at ``x``, ``y`` end inside an image."""
    end_x, end_y = x + vectors[0], y + vectors[1]
    return (end_x >= 0) & (end_x <= width - 1) & (end_y >= 0) & (end_y <= height - 1)


def _check(src: Tensor, dst: Tensor, flow: Tensor, backward: Tensor, *fields: Tensor) -> None:
    check_flow(flow)
    check_flow(backward, "backward")
    if flow.shape != backward.shape:
        raise ValueError(f"flow {tuple(flow.shape)} and backward {tuple(backward.shape)} differ in size")
    if src.shape != dst.shape or src.ndim != 4 or src[:, 0].shape != flow[:, 0].shape:
        raise ValueError(
            f"src {tuple(src.shape)}, dst {tuple(dst.shape)}: expected (N, C, H, W) that fit flow {tuple(flow.shape)}"
        )
    for name, field in zip(("src_labels", "dst_labels", "unreliable", "wanted"), fields, strict=True):
        if field.shape != flow[:, 0].shape:
            raise ValueError(f"{name}: expected (N, H, W) that fits flow {tuple(flow.shape)}, got {tuple(field.shape)}")
        if name in ("unreliable", "wanted") and field.dtype != torch.bool:
            raise TypeError(f"{name}: expected bool, got {field.dtype}")
