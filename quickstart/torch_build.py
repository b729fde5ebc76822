"""What the installed torch was built for, and whether CUDA code can be compiled to go with it."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_FACTS = """
import json, sys, torch
from importlib.metadata import version
from torch.utils.cpp_extension import CUDA_HOME
print(json.dumps(dict(
    version=version("torch"), python_tag="cp%d%d" % sys.version_info[:2],
    cuda=torch.version.cuda, gpu=torch.cuda.is_available(), toolkit=CUDA_HOME,
)))
"""


@dataclass(frozen=True)
class TorchBuild:
    """An installed torch.

    Attributes:
        version: Its version with the local part, e.g. ``2.12.0`` or ``2.12.0+cpu``.
        python_tag: The Python it runs in, e.g. ``cp311``.
        cuda: The CUDA version it was built for, e.g. ``13.0``; ``None`` for a CPU build.
        gpu: Whether it can use a GPU now.
        toolkit: Folder of the CUDA toolkit that it would compile with; ``None`` if there is none.
    """

    version: str
    python_tag: str
    cuda: str | None
    gpu: bool
    toolkit: str | None

    @classmethod
    def installed_in(cls, python: Path) -> "TorchBuild":
        """Ask the torch in the environment of ``python``."""
        answer = subprocess.check_output([python, "-c", _FACTS], text=True)
        return cls(**json.loads(answer.splitlines()[-1]))

    def compiles_cuda(self) -> bool:
        """Whether CUDA kernels are wanted (there is a GPU, or ``FORCE_CUDA=1``) and can be compiled.

        torch refuses to compile with a toolkit of another major version than its own.
        """
        if os.environ.get("FORCE_CUDA") == "1":
            return True
        if not (self.gpu and self.cuda):
            return False
        wanted = self.cuda.split(".")[0]
        if _major_version(self.toolkit) == wanted:
            return True
        print(
            f"  a GPU is here, but not the CUDA {wanted} compiler that this torch needs (set CUDA_HOME to it, or use\n"
            "  docker/Dockerfile): mmcv's operators are built for the CPU; detectors that call them cannot use the GPU",
            flush=True,
        )
        return False


def _major_version(toolkit: str | None) -> str | None:
    """Major version of the CUDA compiler in ``toolkit``; ``None`` if there is no compiler."""
    if not toolkit or not Path(toolkit, "bin", "nvcc").exists():
        return None
    said = subprocess.run([Path(toolkit, "bin", "nvcc"), "--version"], capture_output=True, text=True).stdout
    found = re.search(r"release (\d+)", said)
    return found[1] if found else None
