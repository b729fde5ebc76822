"""Processes that work together."""

import atexit
import os
from datetime import timedelta

_LONGEST_WAIT = timedelta(days=1)
"""A rank that has labelled its clips waits for the one with the longest."""


def join_ranks() -> None:
    """Begin to talk with the other ranks, on CPUs too, where MMEngine's own way would look for a GPU.

    The variables that ``torchrun`` sets (``RANK``, ``LOCAL_RANK``, ...) must be there. The group ends with the process.
    """
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=_LONGEST_WAIT)
    atexit.register(_leave)


def _leave() -> None:
    """Threads of a group that is still there at exit may abort the process."""
    import torch

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
