"""RAFT, as torchvision carries it."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from mmselfhuman.models.flow.interface import FlowEstimator

ARCHITECTURES = ("raft_small", "raft_large")
_STRIDE = 8
_LEAST_SIDE = 128  # below, the coarsest of the four correlation levels would be narrower than two cells


class RAFTFlow(FlowEstimator):
    """Teed and Deng, RAFT: Recurrent All-Pairs Field Transforms for Optical Flow, ECCV 2020, from torchvision.

    Images are padded, by repeating their border, to sides that are multiples of 8 and at least 128.

    Args:
        arch: ``'raft_small'`` or ``'raft_large'``.
        weights: The name of weights that torchvision knows for ``arch`` (``'DEFAULT'``, ``'C_T_V2'``, ...; downloaded
            once, into torch's cache), or a local file with a state dict. Random, for tests, if ``None``.
        iterations: Number of recurrent updates of the flow.

    Raises:
        FileNotFoundError: ``weights`` is neither a known name nor a file.
        RuntimeError: The file does not hold the state dict of ``arch``.
        ValueError: Unknown architecture, or fewer than one update.
    """

    def __init__(self, arch: str = "raft_small", weights: str | None = "DEFAULT", iterations: int = 12) -> None:
        super().__init__()
        if arch not in ARCHITECTURES:
            raise ValueError(f"arch: expected one of {', '.join(ARCHITECTURES)}, got {arch!r}")
        if iterations < 1:
            raise ValueError(f"iterations: expected at least 1, got {iterations}")
        self.iterations = iterations
        self.network = _network(arch, weights).eval().requires_grad_(False)

    def estimate(self, src: Tensor, dst: Tensor) -> Tensor:
        height, width = src.shape[2:]
        flow = self.network(_prepared(src), _prepared(dst), num_flow_updates=self.iterations)[-1]
        return flow[:, :, :height, :width].float().contiguous()


def _network(arch: str, weights: str | None) -> torch.nn.Module:
    from torchvision.models import get_model, get_model_weights

    if weights is None:
        return get_model(arch, weights=None)
    known = get_model_weights(arch)
    name = weights.rpartition(".")[2]
    if name in known.__members__:
        return get_model(arch, weights=known[name])
    if not Path(weights).is_file():
        raise FileNotFoundError(
            f"weights of {arch}: {weights!r} is neither a file nor one of {', '.join(known.__members__)}"
        )
    network = get_model(arch, weights=None)
    content = torch.load(weights, map_location="cpu", weights_only=True)
    try:
        network.load_state_dict(content)
    except (RuntimeError, TypeError) as error:
        raise RuntimeError(f"weights of {arch}: {weights} does not hold its state dict: {error}") from error
    return network


def _prepared(images: Tensor) -> Tensor:
    """BGR in [0, 255] to padded RGB in [-1, 1]."""
    height, width = images.shape[2:]
    right, bottom = (max(_LEAST_SIDE, -(-side // _STRIDE) * _STRIDE) - side for side in (width, height))
    return F.pad(images.flip(1).float() / 127.5 - 1, (0, right, 0, bottom), mode="replicate")
