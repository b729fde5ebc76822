"""The motion between two neighbouring frames as TPR keeps it: estimated once, refined in every round."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmselfhuman.models.flow.ops import compose, resize, resize_flow
from mmselfhuman.models.tpr.flow_refinement import FlowRefinement, unreliable_vectors
from mmselfhuman.models.tpr.trust import FlowTrust


class FrameViews:
    """A frame as flow is checked on it.

    Args:
        image: ``(1, 3, H, W)`` BGR, uint8 or floating in [0, 255].
        stride: Of the view on which vectors are weighed.

    Attributes:
        luminance: ``(1, 1, H, W)`` float32, on which vectors are searched.
        small: ``(1, 3, H / stride, W / stride)`` float32, on which they are weighed.
    """

    def __init__(self, image: Tensor, stride: int) -> None:
        image = image.to(torch.float32, memory_format=torch.contiguous_format)
        blue, green, red = image.split(1, dim=1)
        self.luminance = (0.114 * blue).add_(green, alpha=0.587).add_(red, alpha=0.299)
        self.small = resize(image, (max(1, image.shape[2] // stride), max(1, image.shape[3] // stride)))


class Motion:
    """Flow between a frame and the next, both ways.

    Args:
        first, second: The two frames.
        forward: ``(1, 2, H, W)``, first to second.
        backward: ``(1, 2, H, W)``, second to first; the negated forward flow at the same pixel if ``None``, as in
            equation (5).

    Attributes:
        forward, backward: As refined so far.
        round: In how many rounds the flow has been refined.
        unreliable: Share of vectors, of all directions, that linked different labels in the last of them.
    """

    def __init__(self, first: FrameViews, second: FrameViews, forward: Tensor, backward: Tensor | None = None) -> None:
        self.first, self.second = first, second
        self.forward = forward
        self.backward = -forward if backward is None else backward
        self.round = 0
        self.unreliable: float | None = None
        self._negated = backward is None
        # Each vector is searched once: a second search would hardly end otherwise, and cost as much as the first.
        self._searched = [torch.zeros_like(forward[:, 0], dtype=torch.bool) for _ in range(2)]

    def refine(self, search: FlowRefinement, first_labels: Tensor, second_labels: Tensor) -> bool:
        """Search the vectors again that link different labels, unless they were searched in an earlier round.

        Args:
            search: How.
            first_labels, second_labels: ``(1, H, W)`` at the flow's size.

        Returns:
            Whether any vector changed.
        """
        ahead = (self.first, self.second), self.forward, self.backward, (first_labels, second_labels)
        back = (self.second, self.first), self.backward, self.forward, (second_labels, first_labels)
        directions = (ahead,) if self._negated else (ahead, back)
        refined, shares = [], []
        for ((src, dst), flow, other, labels), searched in zip(directions, self._searched, strict=False):
            wrong = unreliable_vectors(flow, *labels)
            shares.append(float(wrong.float().mean()))
            refined.append(search(src.luminance, dst.luminance, flow, other, wrong & ~searched))
            searched |= wrong
        before = self.forward, self.backward
        self.forward, self.backward = (refined[0], -refined[0]) if self._negated else refined
        self.unreliable = sum(shares) / len(shares)
        return not (torch.equal(before[0], self.forward) and torch.equal(before[1], self.backward))


def chain(motions: Sequence[Motion]) -> tuple[Tensor, Tensor]:
    """Flow across neighbouring pairs of frames, from the first frame to the last and back, each ``(1, 2, H, W)``."""
    ahead, back = motions[0].forward, motions[-1].backward
    for motion in motions[1:]:
        ahead = compose(ahead, motion.forward)
    for motion in motions[-2::-1]:
        back = compose(back, motion.backward)
    return ahead, back


def weigh(trust: FlowTrust, motions: Sequence[Motion], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Trust in the chained vectors, from the first frame to the last and back, each ``(1, 1, *size)``."""
    first, last = motions[0].first.small, motions[-1].second.small
    ahead, back = (resize_flow(flow, first.shape[2:]) for flow in chain(motions))
    both = [torch.cat(pair) for pair in ((first, last), (last, first), (ahead, back), (back, ahead))]
    return resize(trust(*both), size).split(1)
