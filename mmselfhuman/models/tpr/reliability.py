r"""Which frames, and where in them, a network has failed: predictions that the frames around contradict.

Ours. In equation (5) a frame's own vote is one of three, and no less confident when it is wrong: a person missed with
confidence outvotes two neighbours that saw it, and then pulls their masks down in turn. But a prediction that fails in
one frame stands alone: the frames around it, brought onto it by the flow, agree among each other and not with it. Its
vote can be discounted before any mask is fused.

The comparison is coarse: what matters is whether whole limbs and persons are there, not where exactly a boundary runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import torch
from torch import Tensor

from mmselfhuman.models.flow.ops import compose, inside, warp


@dataclass(eq=False)
class CoarseFrame:
    """A frame at the resolution at which frames are compared.

    Attributes:
        image: ``(1, 3, h, w)`` in [0, 255].
        probabilities: ``(1, K, h, w)`` softmax of the logits.
        to_next, to_previous: ``(1, 2, h, w)`` flow in pixels of this resolution; ``None`` at the ends of the video.
    """

    image: Tensor
    probabilities: Tensor
    to_next: Tensor | None = None
    to_previous: Tensor | None = None


@dataclass(frozen=True)
class FrameReliability:
    """How far each region of a frame's prediction agrees with what the frames around it say.

    The frames up to ``reach`` away are warped onto the frame. Their consensus is the median of their probabilities,
    then the mean weighted by each one's agreement with that median, so that further failures among them have no say.
    Agreement is the soft IoU within a Gaussian window, the least over the classes. A frame's reliability is its
    agreement with the consensus relative to the neighbours' own (fast motion makes them all disagree, and is no
    failure), at most 1, to the power of ``sharpness``. Neighbours of another scene are not asked; if there are none at
    all, the frame is reliable.

    Attributes:
        reach: In frames.
        stride: Size of a coarse pixel, in pixels of the image.
        pool: Standard deviation of the window, in coarse pixels.
        sharpness: Without unit.
        cut: A neighbour whose mean absolute colour difference after warping exceeds this shows another scene.
    """

    reach: int = 4
    stride: int = 8
    pool: float = 7.5
    sharpness: float = 4.0
    cut: float = 24.0

    def __post_init__(self) -> None:
        for name in ("reach", "stride"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if self.pool <= 0:
            raise ValueError(f"pool: expected a positive standard deviation, got {self.pool}")

    def __call__(self, frames: Sequence[CoarseFrame], index: int) -> Tensor:
        """Rate one frame.

        Args:
            frames: Consecutive frames.
            index: Which of them to rate; those further than ``reach`` from it are not looked at.

        Returns:
            ``(1, 1, h, w)`` in [0, 1].
        """
        own = frames[index].probabilities
        votes, seen = self._votes(frames, index)
        if not len(votes):
            return torch.ones_like(own[:, :1])
        consensus = _median(torch.where(seen, votes, own))
        agreement = self._agreement(votes, consensus)
        weight = agreement.pow(4) * seen + 1e-6 / len(votes)
        # The tiny weight lets pixels that no neighbour sees fall back to a plain mean; they are rated 1 below.
        consensus = (weight * votes).sum(0, keepdim=True) / weight.sum(0, keepdim=True)
        relative = self._agreement(own, consensus) / _median(self._agreement(votes, consensus)).clamp(min=1e-3)
        rating = relative.clamp(max=1).pow(self.sharpness)
        return torch.where(seen.any(0, keepdim=True), rating, torch.ones_like(rating))

    def _votes(self, frames: Sequence[CoarseFrame], index: int) -> tuple[Tensor, Tensor]:
        """What the frames around say, ``(n, K, h, w)``, and where they show this frame's pixels, ``(n, 1, h, w)``."""
        votes, seen = zip(*(self._side(frames, index, direction) for direction in (1, -1)), strict=True)
        return torch.cat(votes), torch.cat(seen)

    def _side(self, frames: Sequence[CoarseFrame], index: int, direction: int) -> tuple[Tensor, Tensor]:
        """Likewise, of the frames after it or before it, up to where the scene changes."""
        frame = frames[index]
        reached = range(index + direction, index + direction * (self.reach + 1), direction)
        places = [place for place in reached if 0 <= place < len(frames)]
        if not places:
            return frame.probabilities[:0], frame.probabilities[:0, :1].bool()
        before = [frames[place - direction] for place in places]
        flow = torch.cat(
            list(accumulate((each.to_next if direction > 0 else each.to_previous for each in before), compose))
        )
        there = torch.cat([torch.cat([frames[place].image, frames[place].probabilities], 1) for place in places])
        images, votes = warp(there, flow).tensor_split([3], 1)
        changed = ((images - frame.image).abs().mean((1, 2, 3)) > self.cut).tolist()
        number = [*changed, True].index(True)
        return votes[:number], inside(flow)[:number]

    def _agreement(self, first: Tensor, second: Tensor) -> Tensor:
        """Soft IoU of the least agreeing class around each pixel, ``(n, 1, h, w)``; a class seen by neither agrees."""
        common = torch.minimum(first, second)
        either = first + second - common
        height, width = first.shape[2:]
        down = _gaussian(height, self.pool, first.dtype, first.device)
        across = _gaussian(width, self.pool, first.dtype, first.device)
        common, either = (down @ part @ across.T for part in (common, either))
        return ((common + 0.01) / (either + 0.01)).amin(1, keepdim=True)


def _median(values: Tensor) -> Tensor:
    """The median over the first axis, which stays with length 1; the mean of the middle two if their number is even."""
    ordered = list(values.split(1))
    for start in range(len(ordered)):  # odd-even transposition: a sort by comparisons of whole maps
        for place in range(start % 2, len(ordered) - 1, 2):
            pair = ordered[place : place + 2]
            ordered[place], ordered[place + 1] = torch.minimum(*pair), torch.maximum(*pair)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


@lru_cache(maxsize=16)
def _gaussian(side: int, deviation: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """``(side, side)``, each row a Gaussian window around its own place, with sum 1. Shared: not to be written to."""
    place = torch.arange(side, dtype=dtype, device=device)
    distance = (place[:, None] - place).abs() / deviation
    # The far tails are so small that they would slow the arithmetic down.
    window = torch.exp(-distance.square() / 2) * (distance < 5)
    return window / window.sum(1, keepdim=True)
