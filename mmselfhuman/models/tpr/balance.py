r"""Votes of equal strength for all classes.

Ours. Equation (5) sums activations, so a class of which the network is surer when it sees it has more to say than
others. Networks that have met few persons like those in a video say "background" with a margin several times that of
"person"; then a person who is missed in one frame is voted out of the frames around it, round after round.
"""

import torch
from torch import Tensor

from mmselfhuman.models.tpr.labels import predicted_labels

_SAMPLING = 2  # margins are counted at every second pixel of every second row


class VoteBalance:
    r"""Brings the mean margin of every class to the same value, from what it has seen of a clip so far.

    The margin of a pixel is how far its largest logit exceeds the second largest. With :math:`m_k` the mean margin over
    pixels labelled k, in the frames seen, and :math:`\bar m` the mean of those, the logits of a pixel labelled k
    are multiplied by :math:`\bar m / m_k`. No pixel changes its label, and the scale of logits is kept on the whole.
    Pixels without a margin say nothing, and are not counted.
    """

    def __init__(self) -> None:
        self._sums: Tensor | None = None
        self._counts: Tensor | None = None

    def __call__(self, logits: Tensor) -> Tensor:
        """Take note of a frame, and balance it.

        Args:
            logits: ``(1, K, h, w)`` floating.

        Returns:
            The same shape.
        """
        sparse, margins = _margins(logits[:, :, ::_SAMPLING, ::_SAMPLING])
        chosen = [(sparse == index) & (margins > 0) for index in range(logits.shape[1])]
        sums = torch.stack([(margins * mask).sum(dtype=torch.float64) for mask in chosen])
        counts = torch.stack([mask.count_nonzero() for mask in chosen])
        self._sums = sums if self._sums is None else self._sums + sums
        self._counts = counts if self._counts is None else self._counts + counts
        seen = self._counts > 0
        if not seen.any():
            return logits
        means = self._sums / self._counts.clamp(min=1)
        factors = torch.where(seen, means[seen].mean() / means.clamp(min=1e-12), torch.ones_like(means))
        labels = predicted_labels(logits)
        first, second, *others = factors.to(logits.dtype)
        scale = torch.where(labels == 0, first, second)
        for index, factor in enumerate(others, start=2):
            scale.masked_fill_(labels == index, factor)
        return logits * scale[:, None]


def _margins(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Labels and margins, ``(1, h, w)``."""
    best, second = logits[:, 0], torch.full_like(logits[:, 0], -torch.inf)
    for candidate in logits.unbind(1)[1:]:
        second = torch.maximum(second, torch.minimum(best, candidate))
        best = torch.maximum(best, candidate)
    return predicted_labels(logits), best - second
