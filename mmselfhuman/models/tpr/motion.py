"""The motion between two neighbouring frames as TPR keeps it: estimated once, refined in every round."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmselfhuman.models.flow.ops import compose, resize, resize_flow
from mmselfhuman.models.tpr.flow_refinement import FlowRefinement, unreliable_vectors
from mmselfhuman.models.tpr.trust import FlowTrust

Size = tuple[int, int]


class FrameViews:
    """A frame as flow is checked on it.

    Args:
        image: ``(1, 3, H, W)`` BGR, uint8 or floating in [0, 255].
        stride: Of the view on which vectors are weighed.

    Attributes:
        luminance: ``(1, 1, H, W)`` float32, on which vectors are searched.
        smooth: ``(1, 3, H / stride, W / stride)`` float32, on which they are weighed.
    """

    def __init__(self, image: Tensor, stride: int) -> None:
        image = image.float()
        self.luminance = 0.114 * image[:, :1] + 0.587 * image[:, 1:2] + 0.299 * image[:, 2:]
        height, width = image.shape[2:]
        self.smooth = _smoothed(resize(image, (max(1, height // stride), max(1, width // stride))))


class Motion:
    """Flow between a frame and the next, both ways.

    Args:
        first, second: The two frames.
        forward: ``(1, 2, H, W)``, first to second.
        backward: ``(1, 2, H, W)``, second to first; the negated forward flow at the same pixel if ``None``, as in
            equation (5).

    Attributes:
        forward, backward: As refined so far.
        unreliable: Share of vectors, of both directions, that linked different labels when last looked at; ``None`` if
            never.
        round: In how many rounds the flow has been refined.
    """

    def __init__(self, first: FrameViews, second: FrameViews, forward: Tensor, backward: Tensor | None = None) -> None:
        self.first, self.second = first, second
        self.forward = forward
        self._negated = backward is None
        self.backward = -forward if backward is None else backward
        self.unreliable: float | None = None
        self.round = 0

    def refine(self, search: FlowRefinement, first_labels: Tensor, second_labels: Tensor) -> bool:
        """Search the vectors again that link different labels.

        Args:
            search: How.
            first_labels, second_labels: ``(1, H, W)`` at the flow's size.

        Returns:
            Whether any vector changed.
        """
        views, labels = (self.first.luminance, self.second.luminance), (first_labels, second_labels)
        wrong = unreliable_vectors(self.forward, *labels)
        forward = search(*views, self.forward, self.backward, *labels, wrong)
        if self._negated:
            backward, share = -forward, wrong.float().mean()
        else:
            views, labels = views[::-1], labels[::-1]
            wrong_back = unreliable_vectors(self.backward, *labels)
            backward = search(*views, self.backward, self.forward, *labels, wrong_back)
            share = (wrong.float().mean() + wrong_back.float().mean()) / 2
        self.unreliable = float(share)
        changed = not (torch.equal(forward, self.forward) and torch.equal(backward, self.backward))
        self.forward, self.backward = forward, backward
        return changed


def link(motions: list[Motion], ahead: bool) -> tuple[Tensor, Tensor, FrameViews, FrameViews]:
    """Flow across several neighbouring pairs of frames.

    Args:
        motions: Consecutive, in temporal order.
        ahead: From the first frame to the last, or from the last to the first.

    Returns:
        The flow ``(1, 2, H, W)``, the flow the other way, and the views of the frames from and to which it leads.
    """
    there, back = motions[0].forward, motions[-1].backward
    for step in motions[1:]:
        there = compose(there, step.forward)
    for step in motions[-2::-1]:
        back = compose(back, step.backward)
    first, last = motions[0].first, motions[-1].second
    return (there, back, first, last) if ahead else (back, there, last, first)


def weigh(trust: FlowTrust, flow: Tensor, back: Tensor, src: FrameViews, dst: FrameViews, size: Size) -> Tensor:
    """Trust in each vector, ``(1, 1, *size)``, measured on the smooth views."""
    views = src.smooth.shape[2:]
    return resize(trust(src.smooth, dst.smooth, resize_flow(flow, views), resize_flow(back, views)), size)


def _smoothed(image: Tensor) -> Tensor:
    """Gaussian of about one pixel, the border repeated."""
    channels = image.shape[1]
    kernel = (image.new_tensor([1, 4, 6, 4, 1]) / 16).expand(channels, 1, 5)
    rows = F.conv2d(F.pad(image, (0, 0, 2, 2), mode="replicate"), kernel[..., None], groups=channels)
    return F.conv2d(F.pad(rows, (2, 2, 0, 0), mode="replicate"), kernel[..., None, :], groups=channels)
