"""Flow that has been estimated once, for benchmarks that refine a clip again and again."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from mmselfhuman.models.flow import FlowEstimator

FlowPair = tuple[Tensor, Tensor]


class KnownFlow(FlowEstimator):
    """Hands out the flow of a clip, pair of frames after pair.

    Args:
        pairs: ``(2, H, W)`` of any floating type, to the next frame and back.
        zero: Say that nothing moves.
    """

    def __init__(self, pairs: Sequence[FlowPair], zero: bool = False) -> None:
        super().__init__()
        self.pairs, self.zero, self.asked = pairs, zero, 0

    def estimate(self, src: Tensor, dst: Tensor) -> Tensor:
        raise RuntimeError("asked pair by pair")

    def forward(self, src: Tensor, dst: Tensor) -> Tensor:
        return self.bidirectional(src, dst)[0]

    def bidirectional(self, src: Tensor, dst: Tensor) -> FlowPair:
        pair = self.pairs[self.asked]
        self.asked += 1
        return tuple(flow[None].float() * (not self.zero) for flow in pair)


def flow_between(estimator: FlowEstimator, images: Sequence[Tensor]) -> list[FlowPair]:
    """The flow between neighbouring frames, for :class:`KnownFlow`.

    Args:
        estimator: How.
        images: ``(3, H, W)``.
    """
    return [
        tuple(flow[0] for flow in estimator.bidirectional(first[None], second[None]))
        for first, second in pairwise(images)
    ]
