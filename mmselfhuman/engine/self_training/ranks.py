"""Several ranks at the loop: rank 0 decides, and all carry out each stage together."""

import contextlib
import os
import pickle
import socket
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from mmselfhuman.engine.self_training.ledger import Result
from mmselfhuman.engine.self_training.loop import StageFailedError
from mmselfhuman.engine.self_training.processes import InOwnProcess
from mmselfhuman.engine.self_training.stages import Stage

_TO_GATHER = timedelta(minutes=30)
_PATIENCE = 30.0  # seconds that rank 0 waits for the others to go
_PAUSE = 0.1  # seconds between two looks; a wait inside the store would not hear of Ctrl-C


class Store(Protocol):
    """What is used of ``torch.distributed.Store``; all of it raises :class:`RuntimeError` when its host is gone."""

    def set(self, key: str, value: str | bytes) -> None: ...

    def get(self, key: str) -> bytes: ...

    def add(self, key: str, amount: int) -> int: ...

    def compare_set(self, key: str, expected: str, value: str) -> bytes: ...


class Ranks:
    """The processes that a launcher has started, one of which this is.

    They talk over a store and form no process group: a group's connections end with any of its members, and gloo then
    drops what had arrived before. The processes of a stage form a group, on another port, which ends with them.

    Args:
        rank: Of this process.
        size: How many there are.
        store: That of all.
        carry_out: Carries out this rank's part of a stage.
        patience: Seconds that rank 0, which may hold the store, waits for the others to go.
    """

    def __init__(
        self, rank: int, size: int, store: Store, carry_out: InOwnProcess, patience: float = _PATIENCE
    ) -> None:
        self.rank = rank
        self._size, self._store, self._carry_out, self._patience = size, store, carry_out, patience
        self._orders = 0

    @classmethod
    def of(cls, launcher: str, carry_out: InOwnProcess) -> "Ranks":
        """Those of ``'pytorch'``, ``'slurm'`` or ``'mpi'``, when all have come."""
        from torch.distributed import rendezvous

        _set_variables(launcher)
        store, rank, size = next(rendezvous("env://", timeout=_TO_GATHER))
        return cls(rank, size, store, carry_out)

    def __call__(self, stage: Stage, folder: Path, inputs: dict[str, Result]) -> None:
        """Have all ranks carry out a stage; called on rank 0.

        Raises:
            StageFailedError: It failed, here or elsewhere; the message is that of the rank where it failed first.
        """
        port = _free_port()
        self._order((stage, folder, inputs, port))
        self._together(stage, folder, inputs, port)

    def follow(self) -> None:
        """Carry out what rank 0 says, until it says that there is no more.

        Raises:
            StageFailedError: A stage failed, or rank 0 is gone.
        """
        try:
            while (order := self._hear()) is not None:
                self._together(*order)
        finally:
            with contextlib.suppress(RuntimeError):  # rank 0 may be gone
                self._store.add("gone", 1)

    def dismiss(self) -> None:
        """Tell the others, from rank 0, that there is no more, and wait until they are gone."""
        end = time.monotonic() + self._patience
        with contextlib.suppress(RuntimeError):  # who holds the store is gone, and the others with it
            self._order(None)
            while self._store.add("gone", 0) < self._size - 1 and time.monotonic() < end:
                time.sleep(_PAUSE)

    def _order(self, order: tuple | None) -> None:
        self._orders += 1
        self._store.set(f"order/{self._orders}", pickle.dumps(order))
        self._store.add("orders", 1)

    def _hear(self) -> tuple | None:
        self._orders += 1
        try:
            while self._store.add("orders", 0) < self._orders:
                time.sleep(_PAUSE)
            return pickle.loads(self._store.get(f"order/{self._orders}"))
        except RuntimeError as error:
            raise StageFailedError(f"rank {self.rank} ends, for rank 0 is gone, which says why") from error

    def _together(self, stage: Stage, folder: Path, inputs: dict[str, Result], port: int) -> None:
        try:
            self._carry_out(stage, folder, inputs, _stage_variables(port))
        except StageFailedError as error:
            raise StageFailedError(self._first(f"rank {self.rank} of {self._size}: {error}")) from None

    def _first(self, failure: str) -> str:
        """When one rank fails the others lose their connections to it: what the first says is the cause."""
        try:
            return self._store.compare_set("failure", "", failure).decode()
        except RuntimeError:
            return failure


def _set_variables(launcher: str) -> None:
    """What torch's own launcher would have set."""
    if launcher == "slurm":
        nodes = os.environ["SLURM_NODELIST"]
        first = subprocess.run(["scontrol", "show", "hostname", nodes], capture_output=True, text=True, check=True)
        found = {
            "MASTER_ADDR": first.stdout.split()[0],
            "MASTER_PORT": str(20000 + int(os.environ.get("SLURM_JOB_ID", 0)) % 20000),
            "RANK": os.environ["SLURM_PROCID"],
            "WORLD_SIZE": os.environ["SLURM_NTASKS"],
            "LOCAL_RANK": os.environ.get("SLURM_LOCALID", "0"),
        }
    elif launcher == "mpi":
        found = {
            "MASTER_PORT": "29500",
            "RANK": os.environ["OMPI_COMM_WORLD_RANK"],
            "WORLD_SIZE": os.environ["OMPI_COMM_WORLD_SIZE"],
            "LOCAL_RANK": os.environ["OMPI_COMM_WORLD_LOCAL_RANK"],
        }
    else:
        found = {}
    for name, value in found.items():
        os.environ.setdefault(name, value)


def _stage_variables(port: int) -> dict[str, str]:
    names = ("MASTER_ADDR", "RANK", "WORLD_SIZE", "LOCAL_RANK")
    return {
        **{name: os.environ[name] for name in names if name in os.environ},
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": "False",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]
