"""Several ranks at the loop: rank 0 decides, and all carry out each stage together."""

import atexit
import os
import socket
import subprocess
from datetime import timedelta
from pathlib import Path

from mmselfhuman.engine.self_training.ledger import Result
from mmselfhuman.engine.self_training.processes import InOwnProcess
from mmselfhuman.engine.self_training.stages import Stage
from mmselfhuman.utils import part_ranks

_FOREVER = timedelta(days=365)


class Ranks:
    """The processes that a launcher has started, one of which this is.

    They talk over a group of their own; the processes of a stage form another, on another port, which ends with them.

    Args:
        launcher: ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        carry_out: Carries out this rank's part of a stage.

    Attributes:
        rank: Of this process.
    """

    def __init__(self, launcher: str, carry_out: InOwnProcess) -> None:
        import torch.distributed as dist

        _set_variables(launcher)
        dist.init_process_group("gloo", timeout=_FOREVER)
        atexit.register(dist.destroy_process_group)  # else its threads may abort the process at exit
        self.rank = dist.get_rank()
        self._dist, self._carry_out = dist, carry_out

    def __call__(self, stage: Stage, folder: Path, inputs: dict[str, Result]) -> None:
        """Have all ranks carry out a stage; called on rank 0.

        Raises:
            StageFailedError: It failed.
        """
        port = _free_port()
        self._dist.broadcast_object_list([(stage, folder, inputs, port)], src=0)
        self._carry_out(stage, folder, inputs, _stage_variables(port))

    def follow(self) -> None:
        """Carry out what rank 0 says, until it says that there is no more.

        Raises:
            StageFailedError: A stage failed here.
        """
        while True:
            order: list = [None]
            self._dist.broadcast_object_list(order, src=0)
            if order[0] is None:
                part_ranks()
                return
            stage, folder, inputs, port = order[0]
            self._carry_out(stage, folder, inputs, _stage_variables(port))

    def dismiss(self) -> None:
        """Tell the others, from rank 0, that there is no more."""
        self._dist.broadcast_object_list([None], src=0)
        part_ranks()


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
