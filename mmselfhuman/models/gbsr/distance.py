r"""The distance between the skeleton graphs of one person in two frames, equations (1)-(3) of the paper, exactly.

Symbols: ``B`` graph pairs, ``N`` joints, ``D`` appearance features; ``v`` (``plan``) the visibility scores, ``f`` the
appearance features, ``C`` the 0/1 connections.

.. math::
    D(G, G') &= (1 - \alpha) L_1 + \alpha L_2 \\
    L_1 &= \sum_{m,o} v_{m,o} \, d(f(l_m), f'(l'_o)) \\
    L_2 &= \sum_{m,o} v_{m,o} \sum_{n,p} v_{n,p} \, |C(m,n) - C'(o,p)|

For 0/1 entries :math:`|c - c'| = (c - c')^2 = c + c' - 2 c c'`, so that :math:`L_2` is the square-loss
Gromov-Wasserstein term and costs three matrix products instead of four nested loops over the joints.

:math:`L_1` grows with the mass of ``v`` and :math:`L_2` with its square: which of them rules at a given ``alpha``
depends on the units of ``v`` and of ``d``. ``alpha = 0.5`` is meant for masses that :func:`normalised_confidences` and
appearance costs that :func:`normalised_costs` brought to scale.
"""

import torch
from torch import Tensor


def appearance_costs(first: Tensor, second: Tensor) -> Tensor:
    """``d`` of equation (2): the 1-norm between every joint of one graph and every joint of the other.

    Args:
        first: ``(B, N, D)`` features ``f(l_m)``.
        second: ``(B, N, D)`` features ``f'(l'_o)``.

    Returns:
        ``(B, N, N)``, rows are the joints of ``first``; the sum over ``D`` of absolute differences.

    Raises:
        ValueError: The shapes differ or are not three-dimensional.
    """
    if first.ndim != 3 or first.shape != second.shape:
        raise ValueError(
            f"expected two (B, N, D) feature tensors of one shape, got {tuple(first.shape)}, {tuple(second.shape)}"
        )
    return torch.cdist(first, second, p=1)


def normalised_costs(costs: Tensor, first_confidences: Tensor, second_confidences: Tensor) -> Tensor:
    """Bring each pair's appearance costs to mean 1 over the pairs of joints that are both present.

    This is the unit of :math:`L_1` under which ``alpha = 0.5`` is meant: a plan of mass 1 that matches at random has
    :math:`L_1` about 1, whatever the extractor, its width and the contrast of the video.

    Args:
        costs: ``(B, N, N)``, non-negative.
        first_confidences, second_confidences: ``(B, N)``, 0 for a missing joint.

    Returns:
        ``(B, N, N)``; unchanged where no two joints are present or all look the same; 0 at missing joints, whose
        features mean nothing.
    """
    present = (first_confidences > 0)[:, :, None] & (second_confidences > 0)[:, None, :]
    costs = torch.where(present, costs, costs.new_zeros(()))
    mean = costs.sum((1, 2)) / present.sum((1, 2)).clamp(min=1)
    return costs / torch.where(mean > 0, mean, torch.ones_like(mean))[:, None, None]


def normalised_confidences(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The bounds of the plan's row and column sums, and its mass, in the unit under which ``alpha = 0.5`` is meant.

    Both graphs' confidences are divided by the larger of their two sums, so that the bounds sum to at most 1. The mass
    is what can be matched if every joint meets its namesake: the sum over the joints of the smaller confidence.

    Args:
        first, second: ``(B, N)`` confidences, 0 for a missing joint.

    Returns:
        ``(B, N)`` and ``(B, N)`` bounds and ``(B,)`` mass, float64; all 0 for a pair of empty graphs.
    """
    first, second = first.double(), second.double()
    scale = torch.maximum(first.sum(1), second.sum(1))
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return first / scale[:, None], second / scale[:, None], torch.minimum(first, second).sum(1) / scale


def linear_term(plan: Tensor, costs: Tensor) -> Tensor:
    """:math:`L_1`, equation (2).

    Args:
        plan: ``(B, N, N)`` visibility scores.
        costs: ``(B, N, N)`` appearance distances ``d``.

    Returns:
        ``(B,)``.
    """
    return (plan * costs).sum((1, 2))


def quadratic_term(plan: Tensor, first_connections: Tensor, second_connections: Tensor) -> Tensor:
    """:math:`L_2`, equation (3).

    Args:
        plan: ``(B, N, N)`` visibility scores.
        first_connections, second_connections: ``(B, N, N)`` symmetric, entries 0 or 1 (other values would not give the
            1-norm).

    Returns:
        ``(B,)``, never negative.
    """
    rows, columns = plan.sum(2), plan.sum(1)
    own = (rows[:, None] @ first_connections @ rows[..., None])[:, 0, 0]
    others = (columns[:, None] @ second_connections @ columns[..., None])[:, 0, 0]
    shared = ((first_connections @ plan @ second_connections) * plan).sum((1, 2))
    return (own + others - 2 * shared).clamp(min=0)


def graph_distance(
    plan: Tensor, costs: Tensor, first_connections: Tensor, second_connections: Tensor, alpha: float = 0.5
) -> Tensor:
    """``D`` of equation (1) for a batch of graph pairs and their visibility scores.

    Args:
        plan: ``(B, N, N)`` visibility scores ``v``, rows are the joints of the first graph.
        costs: ``(B, N, N)`` appearance distances ``d``.
        first_connections, second_connections: ``(B, N, N)`` symmetric 0/1 matrices ``C``, of ``plan``'s dtype.
        alpha: Weight of the connections against the appearance, in [0, 1].

    Returns:
        ``(B,)``.
    """
    quadratic = quadratic_term(plan, first_connections, second_connections)
    return (1 - alpha) * linear_term(plan, costs) + alpha * quadratic
