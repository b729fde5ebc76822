"""The networks of PTLFlow, FlowNet 2.0 among them."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from mmselfhuman.models.flow.input_size import InputSize
from mmselfhuman.models.flow.interface import FlowEstimator

INSTALL = "pip install 'mmselfhuman[flow]' && pip install --no-deps 'ptlflow>=0.4.2,<0.5'"


class PTLFlowEstimator(FlowEstimator):
    """Any flow estimator of PTLFlow that looks at two frames, by name.

    PTLFlow is imported when the first one is made. It runs on CPUs and GPUs without operators of its own. It is
    Apache-2.0, but the networks in it keep the licences of their origins, and so do the weights: those of FlowNet 2.0
    are for research only.

    PTLFlow's networks bring images to the sizes that they need; here, only images with a side under 128 are padded.

    Args:
        model: A name that PTLFlow knows: ``'flownet2'``, ``'flownets'``, ``'raft'``, ...
        weights: A name that PTLFlow has weights of ``model`` under (``'things'``, ...; downloaded once, into torch's
            cache), or a local checkpoint of PTLFlow's. Random, for tests, if ``None``.

    Raises:
        ImportError: PTLFlow cannot be imported; the message says how to install it.
        FileNotFoundError: ``weights`` is neither a known name nor a file.
        RuntimeError: The checkpoint is of another network.
        ValueError: Unknown model.
    """

    def __init__(self, model: str = "flownet2", weights: str | None = "things") -> None:
        super().__init__()
        self.size = InputSize()
        self.network = _network(_import_ptlflow(), model, weights)

    def estimate(self, src: Tensor, dst: Tensor) -> Tensor:
        pairs = torch.stack([self.size.fit(images.float() / 255) for images in (src, dst)], 1)
        flow = self.network({"images": pairs})["flows"][:, 0]
        return self.size.restore(flow.float(), tuple(src.shape[2:])).contiguous()


def _import_ptlflow() -> ModuleType:
    try:
        return import_module("ptlflow")
    except ImportError as error:
        raise ImportError(f"PTLFlowEstimator needs PTLFlow and what it needs; {error}. {INSTALL}") from error


def _network(ptlflow: ModuleType, model: str, weights: str | None) -> nn.Module:
    known = ptlflow.get_model_names()
    if model not in known:
        raise ValueError(f"model: expected one of {', '.join(known)}, got {model!r}")
    if weights is not None:
        names = getattr(ptlflow.get_model_reference(model), "pretrained_checkpoints", {})
        if weights not in names and not Path(weights).is_file():
            raise FileNotFoundError(
                f"weights of {model}: {weights!r} is neither a file nor one of {', '.join(names) or '(none)'}"
            )
    return ptlflow.get_model(model, ckpt_path=weights).eval().requires_grad_(False)
