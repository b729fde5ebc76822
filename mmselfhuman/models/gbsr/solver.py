r"""The minimisation of equation (4): which joint of a graph is which joint of its neighbour's, and how visibly.

As printed, (4) is minimised by matching nothing. It is read as a *partial fused Gromov-Wasserstein* problem (Chapel,
Alaya & Gasso, "Partial optimal transport with applications on positive-unlabeled learning", NeurIPS 2020; Vayer et al.,
"Optimal transport for structured data with application on graphs", ICML 2019): the visibility scores are a transport
plan

.. math::
    \min_{v \ge 0} \; D(G, G'; v) \quad \text{s.t.} \quad v \mathbf{1} \le a, \; v^\top \mathbf{1} \le b, \;
    \mathbf{1}^\top v \mathbf{1} = s

with the joints' confidences ``a`` and ``b`` as bounds and a fixed mass ``s``. Every pair of neighbouring frames has a
plan of its own, because a joint that is swapped in frame ``i + 1`` is not swapped in ``i - 1``; the sum in (4) then
falls apart into its summands, and the pairs of all persons, frames and neighbours of a clip are solved as one batch.

The objective is not convex. The plan is found by deterministic annealing: the objective is linearised at the plan, the
linear problem is solved with entropy of temperature ``t`` by a few Sinkhorn steps, and ``t`` falls. At high temperature
the entropy makes the problem convex, and its solution is followed as the entropy fades; no start is guessed, so no
joint is favoured for its index. A dummy joint on either side takes what is not matched (its two copies may not meet),
which turns the bounds into equalities. A last rounding moves the plan onto the feasible set without losing mass.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmselfhuman.models.gbsr.distance import graph_distance

_TINY = 1e-30
_NEGLIGIBLE = 1e-12  # a gradient of this size moves nothing, and must not become the unit of temperature


@dataclass(frozen=True)
class Matching:
    """The solution of a batch of matching problems.

    Attributes:
        plan: ``(B, N, N)`` float64, the visibility scores ``v``; feasible to rounding errors of float64.
        distance: ``(B,)`` float64, equation (1) at the plan.
        change: ``(B,)`` float64, the share of the mass that still moved in the last step of the annealing.
        rounded: ``(B,)`` float64, the share of the mass that the rounding to the feasible set had to move.
    """

    plan: Tensor
    distance: Tensor
    change: Tensor
    rounded: Tensor

    def converged(self, tolerance: float = 0.05) -> Tensor:
        """``(B,)`` bool: neither the last step nor the rounding moved more than this share of the mass."""
        return (self.change <= tolerance) & (self.rounded <= tolerance)


class GraphMatcher:
    """Solves batches of partial fused Gromov-Wasserstein problems between graphs of equally many nodes.

    Args:
        alpha: Weight of the connections against the appearance in equation (1); 0.5 in the paper. It is meant for costs
            and masses in the units of :func:`~mmselfhuman.models.gbsr.distance.normalised_costs` and
            :func:`~mmselfhuman.models.gbsr.distance.normalised_confidences`.
        steps: How many temperatures.
        sinkhorn_steps: Sinkhorn iterations at each temperature; the potentials are carried from one to the next.
        temperatures: The first and the last temperature, in units of the mean gradient at the uninformed plan.
        chunk_size: How many pairs are solved at a time; chosen for a processor's cache, larger is faster on a GPU.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        steps: int = 10,
        sinkhorn_steps: int = 4,
        temperatures: tuple[float, float] = (0.1, 0.015),
        chunk_size: int = 512,
    ) -> None:
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be in [0, 1], got {alpha}")
        if min(steps, sinkhorn_steps, chunk_size) < 1:
            raise ValueError(
                f"steps, sinkhorn_steps and chunk_size must be >= 1, got {steps}, {sinkhorn_steps}, {chunk_size}"
            )
        if not 0 < temperatures[1] <= temperatures[0]:
            raise ValueError(f"temperatures must fall and stay positive, got {temperatures}")
        self.alpha = alpha
        self.sinkhorn_steps = sinkhorn_steps
        self.temperatures = [float(t) for t in np.geomspace(*temperatures, steps)]
        self.chunk_size = chunk_size

    def __call__(
        self,
        costs: Tensor,
        first_connections: Tensor,
        second_connections: Tensor,
        first_bounds: Tensor,
        second_bounds: Tensor,
        mass: Tensor,
    ) -> Matching:
        """Solve for all pairs.

        Args:
            costs: ``(B, N, N)`` non-negative appearance distances, rows are the joints of the first graph.
            first_connections, second_connections: ``(B, N, N)`` symmetric 0/1 matrices.
            first_bounds, second_bounds: ``(B, N)`` non-negative bounds of the plan's row and column sums, 0 for a
                missing joint.
            mass: ``(B,)`` mass of the plan, at most what either graph's bounds sum to.

        Returns:
            The plans, on the device of ``costs``. A pair without mass has a plan of zeros.

        Raises:
            ValueError: A shape is wrong, an entry is negative, infinite or NaN, a connection is neither 0 nor 1, or a
                mass is larger than its bounds allow.
        """
        problem = [
            tensor.to(costs.device, torch.float64)
            for tensor in (costs, first_connections, second_connections, first_bounds, second_bounds, mass)
        ]
        with _one_thread():
            problem[-1] = _checked_mass(*problem)
            chunks = [
                self._solve(*(tensor[start : start + self.chunk_size] for tensor in problem))
                for start in range(0, len(costs), self.chunk_size)
            ] or [(problem[0], problem[-1], problem[-1])]
            plan, change, rounded = (torch.cat(parts) for parts in zip(*chunks, strict=True))
            return Matching(plan, graph_distance(plan, *problem[:3], self.alpha), change, rounded)

    def _solve(
        self, costs: Tensor, first: Tensor, second: Tensor, rows: Tensor, columns: Tensor, mass: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        annealed, previous = self._anneal(*(t.float() for t in (costs, first, second, rows, columns, mass)))
        plan, rounded = round_to_feasible(annealed.double(), rows, columns, mass)
        moved = (annealed - previous).abs().sum((1, 2)).double() / 2
        return plan, torch.where(mass > 0, moved / mass.clamp(min=_TINY), moved.new_zeros(())), rounded

    def _anneal(
        self, costs: Tensor, first: Tensor, second: Tensor, rows: Tensor, columns: Tensor, mass: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The plan at the last temperature and the one before it, nearly feasible.

        Inside, the pairs are the last axis, so that sums over joints run through memory in order.
        """
        batch, n = rows.shape
        row_total, column_total = rows.sum(1), columns.sum(1)
        row_mass = torch.cat([rows, (column_total - mass)[:, None]], 1).clamp(min=0).T.contiguous()
        column_mass = torch.cat([columns, (row_total - mass)[:, None]], 1).clamp(min=0).T.contiguous()
        plan = rows[:, :, None] * columns[:, None] * (mass / (row_total * column_total).clamp(min=_TINY))[:, None, None]
        previous = plan
        linear = (1 - self.alpha) * costs
        extended = costs.new_zeros(n + 1, n + 1, batch)
        kernel, product = torch.empty_like(extended), torch.empty_like(extended)
        potential = costs.new_zeros(n + 1, batch)
        unit = None
        for step in self.temperatures:
            previous = plan
            gradient = self._quadratic_gradient(plan, first, second).add_(linear)
            if unit is None:
                unit = _mean_over_present(gradient, rows, columns)
            temperature = step * unit
            extended[:n, :n] = gradient.permute(1, 2, 0)
            # Shifting a row's exponents is undone by its scaling; the floor keeps every entry alive for the next step.
            torch.sub(potential, extended, out=kernel).div_(temperature)
            kernel.sub_(kernel.amax(1, keepdim=True)).clamp_(min=-60.0).exp_()
            kernel[n, n] = 0.0
            column_scale = torch.ones_like(potential)
            for _ in range(self.sinkhorn_steps):
                row_scale = row_mass / torch.mul(kernel, column_scale, out=product).sum(1).clamp_(min=_TINY)
                column_scale = column_mass / torch.mul(kernel, row_scale[:, None], out=product).sum(0).clamp_(min=_TINY)
            potential = potential + temperature * column_scale.clamp(min=_TINY).log_()
            kernel.mul_(column_scale).mul_(row_scale[:, None])
            plan = kernel[:n, :n].permute(2, 0, 1).contiguous()
        return plan, previous

    def _quadratic_gradient(self, plan: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Gradient of ``alpha`` times equation (3)."""
        own = torch.bmm(first, plan.sum(2, keepdim=True))
        others = torch.bmm(second, plan.sum(1)[..., None]).mT
        return torch.baddbmm(own + others, torch.bmm(first, plan), second, alpha=-2).mul_(2 * self.alpha)


def round_to_feasible(plan: Tensor, rows: Tensor, columns: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    """Move non-negative plans onto the feasible set: row and column sums within their bounds, and exactly the mass.

    Rows, columns and totals that are too large are scaled down; the mass that is then missing is spread over the slack
    of rows and columns as its outer product, which cannot break a bound. (The rounding of Altschuler, Weed & Rigollet,
    "Near-linear time approximation algorithms for optimal transport via Sinkhorn iteration", NeurIPS 2017, with bounds
    in place of marginals.)

    Args:
        plan: ``(B, N, N)`` float64, non-negative.
        rows, columns: ``(B, N)`` bounds.
        mass: ``(B,)``, at most the sum of either.

    Returns:
        The feasible plans ``(B, N, N)`` and the share of the mass that had to be spread ``(B,)``.
    """
    plan = plan * (rows / plan.sum(2).clamp(min=_TINY)).clamp(max=1)[..., None]
    plan = plan * (columns / plan.sum(1).clamp(min=_TINY)).clamp(max=1)[:, None]
    plan = plan * (mass / plan.sum((1, 2)).clamp(min=_TINY)).clamp(max=1)[:, None, None]
    row_slack = (rows - plan.sum(2)).clamp(min=0)
    column_slack = (columns - plan.sum(1)).clamp(min=0)
    missing = (mass - plan.sum((1, 2))).clamp(min=0)
    density = missing / (row_slack.sum(1) * column_slack.sum(1)).clamp(min=_TINY)
    rounded = plan + row_slack[:, :, None] * column_slack[:, None] * density[:, None, None]
    return rounded, torch.where(mass > 0, missing / mass.clamp(min=_TINY), missing.new_zeros(()))


def _mean_over_present(values: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """``(B,)`` mean of ``(B, N, N)`` over the pairs of present joints; 1 where that is negligible."""
    present = ((rows > 0)[:, :, None] & (columns > 0)[:, None]).to(values)
    mean = (values * present).sum((1, 2)) / present.sum((1, 2)).clamp(min=1)
    return torch.where(mean > _NEGLIGIBLE, mean, torch.ones_like(mean))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Matrices as small as these are multiplied before a second thread has woken up."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _checked_mass(costs: Tensor, first: Tensor, second: Tensor, rows: Tensor, columns: Tensor, mass: Tensor) -> Tensor:
    batch, n = len(costs), costs.shape[-1]
    shapes = {
        "costs": (costs, (batch, n, n)),
        "first_connections": (first, (batch, n, n)),
        "second_connections": (second, (batch, n, n)),
        "first_bounds": (rows, (batch, n)),
        "second_bounds": (columns, (batch, n)),
        "mass": (mass, (batch,)),
    }
    for name, (tensor, shape) in shapes.items():
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must have shape {shape}, got {tuple(tensor.shape)}")
        low, high = tensor.aminmax() if tensor.numel() else (0, 0)
        if not (low >= 0 and high < torch.inf):  # where there is a NaN, it is both extremes, and compares with nothing
            raise ValueError(f"{name} must be finite and not negative")
    for name, matrix in (("first_connections", first), ("second_connections", second)):
        if not torch.equal(matrix * matrix, matrix) or not torch.equal(matrix, matrix.mT):
            raise ValueError(f"{name} must be symmetric with entries 0 and 1")
    largest = torch.minimum(rows.sum(1), columns.sum(1))
    if bool((mass > largest * (1 + 1e-6)).any()):
        worst = int((mass - largest).argmax())
        raise ValueError(f"mass[{worst}] = {mass[worst]:.6g} is more than the bounds allow, {largest[worst]:.6g}")
    return torch.minimum(mass, largest)
