"""A network for images made one for images and skeleton maps."""

from typing import Any

import torch
from torch import Tensor, nn

_IMAGE_CHANNELS = 3


def widen_input(network: nn.Module, extra: int) -> list[str]:
    """Let the convolutions that take an image take ``extra`` more channels behind it.

    Weights of the image's channels stay, those of the new ones are zero: the network's output is what it was, whatever
    the new channels hold, until it is trained. From then on the network also loads weights of the one that it was, in
    the same way, and its own.

    Args:
        network: Changed in place. Convolutions with 3 input channels are the ones that take the image; most networks
            have one.
        extra: How many channels, at least 0.

    Returns:
        Names of the convolutions in ``network``.

    Raises:
        ValueError: There is none, or it is a grouped one.
    """
    names = [
        name
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d) and layer.in_channels == _IMAGE_CHANNELS
    ]
    if not names:
        raise ValueError(f"{type(network).__name__} has no convolution with {_IMAGE_CHANNELS} input channels to widen")
    for name in names:
        layer = network.get_submodule(name)
        if layer.groups != 1:
            raise ValueError(f"convolution '{name}' has {layer.groups} groups; only one of one group can be widened")
        layer.in_channels += extra
        layer.weight = nn.Parameter(_widened(layer.weight.detach(), layer.in_channels))
        layer._register_load_state_dict_pre_hook(_widen_loaded_weight, with_module=True)
    return names


def _widened(weight: Tensor, channels: int) -> Tensor:
    missing = weight.new_zeros((weight.shape[0], channels - weight.shape[1], *weight.shape[2:]))
    return torch.cat([weight, missing], dim=1)


def _widen_loaded_weight(layer: nn.Conv2d, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    weight = state.get(f"{prefix}weight")
    if weight is not None and weight.ndim == 4 and weight.shape[1] == _IMAGE_CHANNELS:
        state[f"{prefix}weight"] = _widened(weight, layer.in_channels)
