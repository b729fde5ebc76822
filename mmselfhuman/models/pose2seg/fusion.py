r"""Fusion of what Seg (or TPR) and Pose2Seg say about a person, section 3.4.

.. math::
    S_i = \mathrm{softmax}\bigl( a^{TPR}(x, y) + a^{Pose2Seg}_i(x, y) \bigr) \qquad (10)

on activations before softmax. :math:`a^{TPR}` is one map that all persons of the frame share; :math:`a^{Pose2Seg}_i`
belongs to person i, and says nothing outside its crop: nobody is predicted there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mmselfhuman.models.pose2seg.crops import Window

MODES = ("independent", "exclusive")


@dataclass(frozen=True, eq=False)
class PersonMask:
    """A person's mask, in a window of the frame.

    Attributes:
        window: ``(h, w)`` bool.
        probability: ``(h, w)`` float32 in [0, 1], that the pixel is the person's.
        score: Mean probability over the mask; 0 if the mask is empty.
    """

    window: Window
    probability: Tensor
    score: float

    def in_frame(self, frame_size: tuple[int, int]) -> Tensor:
        """``(H, W)`` bool."""
        frame = self.window.values.new_zeros(frame_size)
        self.window.of(frame).copy_(self.window.values)
        return frame


def person_margin(logits: Tensor) -> Tensor:
    """By how much a pixel is rather a person's than background, in log-odds.

    Args:
        logits: ``(..., K, H, W)``, class 0 the background, all others parts of a person; or log-odds already, K = 1.

    Returns:
        ``(..., H, W)``, the logarithm of P(person) / P(background) under softmax; the difference of both logits for
        K = 2.
    """
    if logits.shape[-3] == 1:
        return logits.float().squeeze(-3)
    background, *parts = logits.float().unbind(-3)
    return (parts[0] if len(parts) == 1 else torch.stack(parts).logsumexp(0)) - background


def compact(logits: Tensor) -> Tensor:
    """Logits of two classes as their difference, which is all that fusion needs of them, at half the cost.

    Resampling and the sum of eq. (10) are linear. Those of more classes stay, since their log-odds are not.

    Args:
        logits: ``(..., K, H, W)``.

    Returns:
        ``(..., 1, H, W)`` for K = 2, else the same.
    """
    return person_margin(logits).unsqueeze(-3) if logits.shape[-3] == 2 else logits


@dataclass(frozen=True)
class PersonFusion:
    """Masks of the persons of one frame by eq. (10).

    Args:
        mode: ``'independent'``, as in the paper: each person for itself, so that two may claim one pixel.
            ``'exclusive'``: softmax over the background and all persons whose crops hold the pixel, each with its
            log-odds against the background; the pixel belongs to the likeliest, the first of equals, so that masks
            never overlap.
        seg_weight: Of the logits that all persons share; 1 in the paper.
        pose2seg_weight: Of each person's own logits; 1 in the paper.
        temperature: Divides the sum; 1 in the paper. A higher one makes probabilities and scores less sure and does not
            change masks.

    Raises:
        ValueError: The mode is unknown, a weight is negative, or the temperature is not positive.
    """

    mode: str = "independent"
    seg_weight: float = 1.0
    pose2seg_weight: float = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode is {self.mode!r}, expected one of {MODES}")
        if self.temperature <= 0 or min(self.seg_weight, self.pose2seg_weight) < 0:
            raise ValueError(f"weights must not be negative, and the temperature must be positive, got {self}")

    def __call__(
        self, windows: Iterable[Window], frame_size: tuple[int, int], seg_logits: Tensor | None = None
    ) -> Iterator[PersonMask]:
        """Masks of all persons, in their order.

        Independent masks come one by one, as windows do. Exclusive ones need all windows first; they are kept, one
        number a pixel, and three frames.

        Args:
            windows: What Pose2Seg says about each person, ``(K, h, w)`` logits before softmax (see ``paste_windows``).
            frame_size: ``(H, W)`` in pixels.
            seg_logits: ``(K, H, W)``, before softmax, of the Seg Module or of TPR; ``None``: Pose2Seg decides alone.

        Raises:
            ValueError: ``seg_logits`` are not of the frame's size, or have other classes than the windows.
        """
        if seg_logits is not None and tuple(seg_logits.shape[-2:]) != tuple(frame_size):
            raise ValueError(
                f"seg_logits are {tuple(seg_logits.shape)}, expected (K, {frame_size[0]}, {frame_size[1]})"
            )
        margins = (Window(w.x, w.y, self._margin(w, seg_logits)) for w in windows)
        return self._exclusive(margins, frame_size) if self.mode == "exclusive" else map(_independent, margins)

    def fused(self, window: Window, seg_logits: Tensor | None = None) -> Tensor:
        """``(K, h, w)``: the sum of eq. (10) before softmax, in a person's window."""
        total = self.pose2seg_weight * window.values
        if seg_logits is not None:
            if len(seg_logits) != len(window.values):
                raise ValueError(f"Seg has {len(seg_logits)} classes, Pose2Seg {len(window.values)}; expected the same")
            total.add_(window.of(seg_logits), alpha=self.seg_weight)
        return total.div_(self.temperature)

    def _margin(self, window: Window, seg_logits: Tensor | None) -> Tensor:
        return person_margin(self.fused(window, seg_logits))

    @staticmethod
    def _exclusive(margins: Iterable[Window], frame_size: tuple[int, int]) -> Iterator[PersonMask]:
        margins = list(margins)
        if not margins:
            return
        # The background has log-odds 0 against itself, and nobody owns it.
        best, total = (margins[0].values.new_zeros(frame_size) for _ in range(2))
        owner = torch.full(frame_size, -1, dtype=torch.int32, device=best.device)
        for number, margin in enumerate(margins):
            here, log_sum = margin.of(best), margin.of(total)
            margin.of(owner).masked_fill_(margin.values > here, number)
            torch.maximum(here, margin.values, out=here)
            torch.logaddexp(log_sum, margin.values, out=log_sum)  # of the softmax's denominator
        for number, margin in enumerate(margins):
            probability = (margin.values - margin.of(total)).exp()
            yield _person_mask(margin, margin.of(owner) == number, probability)


def _independent(margin: Window) -> PersonMask:
    return _person_mask(margin, margin.values > 0, margin.values.sigmoid())


def _person_mask(place: Window, mask: Tensor, probability: Tensor) -> PersonMask:
    # The mean as a quotient: gathering the mask's pixels costs more than all sums.
    score = float(torch.where(mask, probability, 0).sum() / mask.sum().clamp(min=1))
    return PersonMask(Window(place.x, place.y, mask), probability, score)
