"""A GPU for machines that have none: its tensors hold the CPU's numbers, and know that they must not meet the CPU's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

GPU, CPU = torch.device("cuda:0"), torch.device("cpu")
_ATEN = torch.ops.aten
_COPIES = {_ATEN.copy_.default, _ATEN._to_copy.default}
_PICKS = {_ATEN.index.Tensor, _ATEN.index_put.default, _ATEN.index_put_.default, _ATEN._unsafe_index.Tensor}
_FILLS = {_ATEN.fill.Tensor, _ATEN.fill_.Tensor, _ATEN.masked_fill.Tensor, _ATEN.masked_fill_.Tensor}
# What has to know values before it can go on: numbers as Python's, or as the size of what comes out.
_READS = {
    *(_ATEN._local_scalar_dense.default, _ATEN.equal.default, _ATEN.nonzero.default, _ATEN.masked_select.default),
    *(_ATEN._unique2.default, _ATEN.unique_dim.default, _ATEN.unique_consecutive.default, _ATEN.bincount.default),
    _ATEN.repeat_interleave.Tensor,
}


class MixedDevicesError(RuntimeError):
    """Tensors met that a real GPU would not let meet."""


class GPUTensor(Tensor):
    """A tensor that says it is on the GPU; ``held`` has its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "GPUTensor":
        return Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype, device=GPU
        )

    def __init__(self, held: Tensor) -> None:
        self.held = held

    def __repr__(self, **_: Any) -> str:
        return f"GPUTensor({self.held})"

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise MixedDevicesError(f"{function} on a tensor of a GPU that nobody pretends any more")


class PretendedGPU(TorchDispatchMode):
    """Computes on the CPU what is asked of the GPU.

    Attributes:
        waits: How many operations so far needed a value of one of its tensors, and would have had to wait for it.
    """

    _mode_key = torch._C._TorchDispatchModeKey.FAKE  # with which PyTorch does not look for a driver

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        flat, structure = tree_flatten((args, kwargs or {}))
        on_gpu = any(isinstance(one, GPUTensor) for one in flat)
        asked = (kwargs or {}).get("device")
        stays = on_gpu if asked is None else torch.device(asked).type == "cuda"
        if on_gpu and function not in _COPIES:
            _check_devices(function, args, flat)
        self.waits += on_gpu and _waits(function, args, stays)
        held = {id(one.held): one for one in flat if isinstance(one, GPUTensor)}
        flat = [
            one.held if isinstance(one, GPUTensor) else CPU if isinstance(one, torch.device) else one for one in flat
        ]
        args, kwargs = tree_unflatten(flat, structure)

        def moved(result: Any) -> Any:
            """What is computed in place is the same tensor afterwards."""
            if not isinstance(result, Tensor):
                return result
            return held[id(result)] if id(result) in held else GPUTensor(result.resolve_conj())

        result = function(*args, **kwargs)
        return tree_map(moved, result) if stays else result


def _on_cpu(one: Any) -> Any:
    return one.held if isinstance(one, GPUTensor) else CPU if isinstance(one, torch.device) else one


def _waits(function: Any, args: Any, stays: bool) -> bool:
    if function is _ATEN.copy_.default:
        return isinstance(args[1], GPUTensor) and not isinstance(args[0], GPUTensor)
    if function in _PICKS:
        return any(isinstance(one, GPUTensor) and one.dtype in (torch.bool, torch.uint8) for one in args[1])
    return function in _READS or (function is _ATEN._to_copy.default and not stays)


def _check_devices(function: Any, args: Any, flat: list[Any]) -> None:
    """As a GPU's kernels do: the CPU's tensors may but pick from the GPU's, or be single numbers."""
    if function in _PICKS:
        flat = [args[0], *args[2:]]
        if not isinstance(args[0], GPUTensor):
            raise MixedDevicesError(f"{function}: a tensor of the GPU picks from one of the CPU")
    single = torch.Tag.pointwise in function.tags or function in _PICKS | _FILLS
    for one in flat:
        if isinstance(one, Tensor) and not isinstance(one, GPUTensor) and (one.dim() or not single):
            raise MixedDevicesError(f"{function}: a tensor of the CPU, {tuple(one.shape)}, among the GPU's")


class _Preparations(TorchFunctionMode):
    """Does without a driver what PyTorch does before operations are dispatched."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if function is Tensor.tolist and isinstance(args[0], GPUTensor):
            return args[0].cpu().tolist()
        if function is Tensor.new_tensor:
            device = kwargs.pop("device", None) or args[0].device
            return torch.tensor(args[1], **{"dtype": args[0].dtype, **kwargs}).to(device)
        if function in (torch.tensor, torch.as_tensor, torch.asarray):
            device = kwargs.pop("device", None)
            made = function(*args, **kwargs)
            return made if device is None else made.to(device)
        if function in (Tensor.__getitem__, Tensor.__setitem__) and isinstance(args[0], GPUTensor):
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            index = tuple(torch.tensor(one) if isinstance(one, list) else one for one in index)
            args = (args[0], index, *args[2:])
        return function(*args, **kwargs)


@contextmanager
def pretended_gpu() -> Iterator[PretendedGPU]:
    """``'cuda:0'`` works inside, without gradients, and refuses what a GPU would refuse."""
    if not torch.cuda.is_available():
        torch._C._ensureCUDADeviceGuardSet()
    swap = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        with (
            torch.backends.cudnn.flags(enabled=False),
            patch("torch.cuda.synchronize"),
            torch.no_grad(),
            PretendedGPU() as gpu,
            _Preparations(),
        ):
            yield gpu
    finally:
        torch.__future__.set_swap_module_params_on_conversion(swap)


@contextmanager
def mixed_precision(kind: torch.dtype) -> Iterator[None]:
    """What ``torch.autocast("cuda", kind)`` is on a GPU; without one it does nothing."""
    before = torch.get_autocast_dtype("cuda")
    torch.set_autocast_dtype("cuda", kind)
    torch.set_autocast_enabled("cuda", True)
    try:
        yield
    finally:
        torch.set_autocast_enabled("cuda", False)
        torch.set_autocast_dtype("cuda", before)
        torch.clear_autocast_cache()
