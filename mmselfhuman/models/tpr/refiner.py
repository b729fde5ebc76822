"""The temporal parsing refinement module: flow and masks repair each other, round after round, over a video."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from mmselfhuman.models.flow.interface import FlowEstimator
from mmselfhuman.models.tpr.flow_refinement import FlowRefinement
from mmselfhuman.models.tpr.reliability import FrameReliability
from mmselfhuman.models.tpr.stream import RefinedFrame, Stream
from mmselfhuman.models.tpr.trust import FlowTrust
from mmselfhuman.structures import window_offsets

BACKWARD = ("estimate", "negate")
_TRUST, _SEARCH, _RELIABILITY = FlowTrust(), FlowRefinement(), FrameReliability()


class TemporalParsingRefiner:
    """TPR, section 3.3 of the paper, over clips of any length.

    In each round, the flow between neighbouring frames is refined where it contradicts the masks
    (:class:`FlowRefinement`), then every frame's logits are replaced by the weighted mean over its window, equation
    (5). Beyond the neighbours, flow is composed. All rounds advance together through the video, each a little behind
    the one before: a frame's logits are read once, a pair's flow is estimated once, and memory does not grow with the
    video.

    Args:
        flow: The estimator.
        window: Number of frames in the temporal window; the paper has 3.
        rounds: N_TPR, how often flow and masks are refined; the paper has 5, with training between them.
        backward: ``'estimate'`` estimates the flow to the previous frame, ``'negate'`` takes the negated forward
            vector, as equation (5) has it.
        trust: How vectors are weighed; ``None`` adds all activations alike, as in the paper.
        search: How unreliable vectors are searched again; ``None`` leaves the flow as estimated.
        reliability: How failed predictions are found, whose logits are scaled down before the first round; ``None``
            takes every prediction at its word, as in the paper.
        balance: Whether the votes of all classes are brought to one strength first
            (:class:`~mmselfhuman.models.tpr.balance.VoteBalance`); ``False`` takes the activations as they are, as in
            the paper.
        anchor: Share of the network's own logits in a frame's vote in every round after the first; the rest are the
            refined ones. Above 0, the rounds converge, while masks refined again and again blur on; 0 is the paper's.
        trust_stride: Vectors are weighed on images smaller by this factor.

    Raises:
        ValueError: A setting is out of its range.
    """

    def __init__(
        self,
        flow: FlowEstimator,
        window: int = 3,
        rounds: int = 5,
        backward: str = "estimate",
        trust: FlowTrust | None = _TRUST,
        search: FlowRefinement | None = _SEARCH,
        reliability: FrameReliability | None = _RELIABILITY,
        balance: bool = True,
        anchor: float = 0.25,
        trust_stride: int = 4,
    ) -> None:
        if backward not in BACKWARD:
            raise ValueError(f"backward: expected one of {', '.join(BACKWARD)}, got {backward!r}")
        for name, value in (("rounds", rounds), ("trust_stride", trust_stride)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}: expected a whole number of at least 1, got {value}")
        if not 0 <= anchor <= 1:
            raise ValueError(f"anchor: expected a share in [0, 1], got {anchor}")
        self.flow = flow
        self.offsets = window_offsets(window)
        self.rounds = rounds
        self.backward = backward
        self.trust = trust
        self.search = search
        self.reliability = reliability
        self.balance = balance
        self.anchor = anchor
        self.trust_stride = trust_stride

    @torch.no_grad()
    def __call__(self, frames: Iterable[tuple[Tensor, Tensor]]) -> Iterator[RefinedFrame]:
        """Refine a clip.

        Args:
            frames: Consecutive frames, read one at a time: the image ``(3, H, W)``, BGR, uint8 or floating in [0, 255],
                and the logits ``(K, h, w)`` of any network, at any size, on the same device.

        Yields:
            Every frame, in order, a few frames behind the input.

        Raises:
            TypeError: The dtype of an image or of logits is not of the kind expected.
            ValueError: The shape is not, or differs from that of the first frame. Both name the frame.
        """
        stream = Stream(
            self.flow,
            offsets=self.offsets,
            rounds=self.rounds,
            negate=self.backward == "negate",
            trust=self.trust,
            search=self.search,
            reliability=self.reliability,
            balance=self.balance,
            anchor=self.anchor,
            trust_stride=self.trust_stride,
        )
        for image, logits in frames:
            yield from stream.push(image, logits)
        yield from stream.finish()
