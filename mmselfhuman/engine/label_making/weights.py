"""The weights that labels are made with."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.dist import broadcast
from mmengine.hooks import EMAHook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn


def labelling_model(runner: Runner) -> nn.Module:
    """The averaged model of an ``EMAHook`` if the run has one that has averaged, else its own; without wrapper."""
    for hook in runner.hooks:
        # Before the first step, the average is not even that of the weights which training begins with.
        if isinstance(hook, EMAHook) and int(hook.ema_model.steps):
            return hook.ema_model.module
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


@contextmanager
def buffers_of_first_rank(model: nn.Module) -> Iterator[None]:
    """Give all ranks the buffers of rank 0 for a while.

    Data-parallel ranks have equal parameters, but each has running statistics of its own from its own batches.
    """
    own = [buffer.clone() for buffer in model.buffers()]
    for buffer in model.buffers():
        broadcast(buffer, src=0)
    try:
        yield
    finally:
        for buffer, value in zip(model.buffers(), own, strict=True):
            buffer.copy_(value)


def weights_digest(model: nn.Module) -> str:
    """SHA-256 of all parameters and buffers, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if isinstance(tensor, torch.Tensor):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
