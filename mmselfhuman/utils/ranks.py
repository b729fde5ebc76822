"""Processes that work together."""

import atexit
import contextlib
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
        # A launcher may show each rank one GPU only.
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=_LONGEST_WAIT)
    atexit.register(_leave)


def part_ranks(patience: timedelta = timedelta(seconds=30)) -> None:
    """Wait until all ranks are through with what they had to tell each other; each calls this when it is.

    Gloo lets a rank fail that has received the last message but not looked at it yet when its sender is gone. So the
    ranks part over the group's store, and the one that may hold the store goes last. Does nothing without a group.

    Args:
        patience: How long to wait for a rank, which may have failed.
    """
    import torch.distributed as dist
    from torch.distributed.distributed_c10d import _get_default_store

    if not dist.is_initialized():
        return
    rank, everybody, store = dist.get_rank(), range(dist.get_world_size()), _get_default_store()
    with contextlib.suppress(RuntimeError):  # somebody is gone: there is nothing left to be said
        store.set(f"through/{rank}", "")
        store.wait([f"through/{other}" for other in everybody], patience)
        if rank:
            store.set(f"gone/{rank}", "")
        else:
            store.wait([f"gone/{other}" for other in everybody if other], patience)


def _leave() -> None:
    """Threads of a group that is still there at exit may abort the process."""
    import torch

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
