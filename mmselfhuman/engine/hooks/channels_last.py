"""A memory layout that convolutions are fast in."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmselfhuman.registry import HOOKS


@HOOKS.register_module()
class ChannelsLast(Hook):
    """Store the weights of convolutions with the channels innermost; activations follow.

    The numbers stay the same up to rounding. Small convolutional networks train about 1.4 times as fast on a CPU, and
    networks in half precision faster on a GPU.
    """

    def before_run(self, runner: Runner) -> None:
        runner.model.to(memory_format=torch.channels_last)
