"""Who says what a frame shows: a network at hand, or files that somebody else's network has left."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from mmselfhuman.structures import Frame

_MARGIN = 1e-6  # how close to 0 and 1 a sigmoid is believed, when it has to be undone


class Predictor(Protocol):
    """Frames to logits.

    Attributes:
        num_classes: K.
        identity: JSON-able; two predictors of one identity say the same about the same frames.
    """

    num_classes: int
    identity: dict

    def __call__(self, clip: str, frames: Sequence[Frame]) -> list[Tensor]:
        """Predict some consecutive frames of a clip.

        Returns:
            For each frame, ``(K, h, w)`` activations before softmax, at any resolution.
        """


class SegmentorPredictor:
    """Any segmentor of MMSegmentation, by its own ``test_step``: preprocessor, whole or slide inference, enlargement.

    The model runs in evaluation mode and without gradient; afterwards each of its modules is in the mode it was in
    before, and no random number has been consumed. A binary head (``out_channels=1``) becomes two classes: background
    with logit 0, and foreground with the head's logit, shifted so that it exceeds 0 where the sigmoid exceeds the
    head's ``threshold``; the larger logit is the model's own decision.

    Args:
        model: The segmentor, or its data-parallel wrapper.
        transforms: What a frame goes through on its way to the model, as transforms (callables on MMSegmentation's
            dictionaries) without loading and packing; e.g. the resizing of the test pipeline.
        identity: Names the model's weights.

    Attributes:
        model: Without wrapper.

    Raises:
        TypeError: The model is not a segmentor of MMSegmentation.
    """

    def __init__(
        self, model: nn.Module, transforms: Sequence[Callable[[dict], dict]] = (), identity: dict | None = None
    ) -> None:
        from mmseg.datasets.transforms import PackSegInputs

        self.model = checked_segmentor(model)
        self.num_classes = number_of_classes(self.model)
        self.identity = identity or {"model": type(self.model).__name__}
        self._pipeline = [*transforms, PackSegInputs()]

    def __call__(self, clip: str, frames: Sequence[Frame]) -> list[Tensor]:
        from mmengine.dataset import pseudo_collate

        batch = pseudo_collate([self._prepared(frame.image) for frame in frames])
        with undisturbed(self.model), torch.no_grad():
            samples = self.model.test_step(batch)
        return [self._logits(sample.seg_logits.data) for sample in samples]

    def _prepared(self, image: np.ndarray) -> dict:
        sample = {"img": image, "img_shape": image.shape[:2], "ori_shape": image.shape[:2]}
        for transform in self._pipeline:
            sample = transform(sample)
        return sample

    def _logits(self, activations: Tensor) -> Tensor:
        if len(activations) > 1:
            return activations.float()
        threshold = torch.tensor(self.model.decode_head.threshold)
        # MMSegmentation gives out the sigmoid instead of the logit where there is one channel.
        foreground = activations.float().logit(_MARGIN) - threshold.logit(_MARGIN)
        return torch.cat([torch.zeros_like(foreground), foreground])


def checked_segmentor(model: nn.Module) -> nn.Module:
    """The segmentor inside a data-parallel wrapper, if any.

    Raises:
        TypeError: It is not a segmentor of MMSegmentation.
    """
    from mmseg.models.segmentors.base import BaseSegmentor

    inner = model.module if is_model_wrapper(model) else model
    if not isinstance(inner, BaseSegmentor):
        raise TypeError(
            f"expected a segmentor of MMSegmentation, whose predictions have seg_logits, got {type(inner).__name__}"
        )
    return inner


def number_of_classes(model: nn.Module) -> int:
    """How many logits a segmentor's predictions have per pixel; two for a binary head with one channel."""
    heads = model.decode_head
    head = heads[-1] if isinstance(heads, nn.ModuleList) else heads
    return max(2, getattr(head, "out_channels", head.num_classes))


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; modes and the state of all random number generators are restored at the end."""
    modes = {module: module.training for module in model.modules()}
    states = _random_states()
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
        _restore_random_states(*states)


def _random_states() -> tuple[Any, ...]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    # Transforms of the MM libraries draw from numpy's global state.
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda  # noqa: NPY002


def _restore_random_states(python: Any, numpy: Any, cpu: Tensor, cuda: list[Tensor]) -> None:
    random.setstate(python)
    np.random.set_state(numpy)  # noqa: NPY002
    torch.set_rng_state(cpu)
    if cuda:
        torch.cuda.set_rng_state_all(cuda)
