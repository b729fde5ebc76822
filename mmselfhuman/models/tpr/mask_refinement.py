r"""The mask refinement unit, equation (5) of the paper: neighbouring frames vote on a frame's mask.

.. math::
    S = \operatorname{softmax}\Big( a_t(p) + \sum_k w_k(p) \, a_{t+k}(p + f_k(p)) \Big)

``a`` are activations before the softmax, ``f_k`` the flow from frame t to frame t + k, ``w_k`` how far its vectors are
trusted. In the paper the window holds k = -1 and 1, all weights are 1, and the backward vector is the negated forward
one, :math:`f_{-1} = -u_t`, where :math:`u_t` goes from t - 1 to t and is taken at the same pixel p.

Convention: flow and lookup as in :mod:`mmselfhuman.models.flow.ops`; bilinear, in the activations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmselfhuman.models.flow.ops import inside, warp


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A frame that votes on the mask of another one.

    Attributes:
        logits: ``(N, K, H, W)`` its activations.
        flow: ``(N, 2, H, W)`` from the refined frame to it.
        weight: ``(N, 1, H, W)`` not negative, for the pixels of the refined frame. If ``None``, as in the paper, 1 for
            vectors that end inside the neighbour and 0 for others.
    """

    logits: Tensor
    flow: Tensor
    weight: Tensor | None = None


def fuse(logits: Tensor, neighbours: Sequence[Neighbour]) -> tuple[Tensor, Tensor]:
    """The sum of equation (5), before the softmax.

    Args:
        logits: ``(N, K, H, W)`` activations of the refined frame; K classes.
        neighbours: In any order; none leaves the logits as they are.

    Returns:
        ``(N, K, H, W)``, the sum; and ``(N, 1, H, W)``, the sum of the weights in it, the frame's own 1 included.
        Dividing by it gives a mean of logits, which keeps their scale over many rounds and has the same argmax.

    Raises:
        ValueError: A neighbour's logits have another shape, or its weight does not fit.
    """
    total = logits.clone()
    weights = torch.ones_like(logits[:, :1])
    for neighbour in neighbours:
        if neighbour.logits.shape != logits.shape:
            raise ValueError(f"expected neighbours of shape {tuple(logits.shape)}, got {tuple(neighbour.logits.shape)}")
        weight = inside(neighbour.flow).to(logits.dtype) if neighbour.weight is None else neighbour.weight
        if weight.shape != weights.shape:
            raise ValueError(f"weight: expected {tuple(weights.shape)}, got {tuple(weight.shape)}")
        total.addcmul_(weight, warp(neighbour.logits, neighbour.flow))
        weights += weight
    return total, weights
