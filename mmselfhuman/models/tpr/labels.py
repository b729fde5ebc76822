"""Between labels and logits."""

from itertools import pairwise

import torch
from torch import Tensor


def predicted_labels(logits: Tensor) -> Tensor:
    """The class with the largest logit, the first of equal ones.

    ``argmax`` over channels, as fast as comparing them one by one: on a CPU, torch reduces the strided axis of
    channels several hundred times slower than it compares two of them.

    Args:
        logits: ``(N, K, H, W)``.

    Returns:
        ``(N, H, W)`` uint8 up to 256 classes, else int64.
    """
    dtype = torch.uint8 if logits.shape[1] <= 256 else torch.int64
    first, *others = logits.unbind(1)
    if not others:
        return torch.zeros_like(first, dtype=dtype)
    labels, best = (others[0] > first).to(dtype), first
    for index, (beaten, candidate) in enumerate(pairwise(others), start=2):
        best = torch.maximum(best, beaten)
        labels.masked_fill_(candidate > best, index)
    return labels


def logits_from_labels(labels: Tensor, num_classes: int, margin: float = 4.0) -> Tensor:
    """Logits for masks of which only the labels are known, so that any model's output can be refined.

    Args:
        labels: ``(N, H, W)`` integers in [0, ``num_classes``); others, such as an ignore label, give equal logits to
            all classes.
        num_classes: K, at least 2.
        margin: By how much the label's logit exceeds the others; 4 is a probability of 0.98 for one class of two.

    Returns:
        ``(N, K, H, W)`` float32, with mean 0 over the classes.

    Raises:
        TypeError: ``labels`` are not integers.
        ValueError: Fewer than two classes.
    """
    if labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"labels: expected integers, got {labels.dtype}")
    if num_classes < 2:
        raise ValueError(f"num_classes: expected at least 2, got {num_classes}")
    chosen = labels[:, None] == torch.arange(num_classes, device=labels.device).view(1, -1, 1, 1)
    known = chosen.any(1, keepdim=True)
    return margin * (chosen.float() - known.float() / num_classes)
