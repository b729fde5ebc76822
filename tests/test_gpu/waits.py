"""Counts what makes a GPU and its process wait for each other."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
_READS = {
    *(Tensor.item, Tensor.tolist, Tensor.cpu, Tensor.numpy, Tensor.__bool__, Tensor.__int__, Tensor.__float__),
    *(Tensor.nonzero, torch.nonzero, torch.argwhere, Tensor.masked_select, torch.masked_select, Tensor.unique),
}


class Waits(TorchFunctionMode):
    """Counts calls that need the value of a tensor before they can go on, as if the tensors were a GPU's.

    On a machine with a GPU only its tensors count.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tensor = next((one for one in args if isinstance(one, Tensor)), None)
        if tensor is not None and tensor.device.type == DEVICE:
            self.count += function in _READS or _picks_by_truth(function, args)
        return function(*args, **(kwargs or {}))


def _picks_by_truth(function: Any, args: Any) -> bool:
    """Whether elements are picked by a mask, of which somebody has to know how many there are."""
    if function is not Tensor.__getitem__:
        return False
    index = args[1] if isinstance(args[1], tuple) else (args[1],)
    return any(isinstance(one, Tensor) and one.dtype == torch.bool for one in index)
