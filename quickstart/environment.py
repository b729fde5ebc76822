"""Make ``.venv`` in this clone, everything pinned by ``requirements/constraints.txt``; at once if nothing changed."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import interpreter
from locking import exclusive
from native_wheel import NativeWheel, SetupFailed, install
from stamp import Stamp, venv_version
from torch_build import TorchBuild

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
CONSTRAINTS = REQUIREMENTS / "constraints.txt"


def main() -> Path:
    """:func:`prepare` for a command line: failures are printed without a traceback and end the process."""
    # An exit by exception lets the build stop its compilers and remove its half-made files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return prepare()
    except (SetupFailed, interpreter.NoPython) as error:
        sys.exit(f"Set-up failed: {error}")
    except KeyboardInterrupt:
        sys.exit("\nSet-up interrupted; the same command takes it up again.")


def prepare() -> Path:
    """Bring ``.venv`` up to date, point this process's variables at it and return its Python. Milliseconds if it is.

    Raises:
        SetupFailed: A step failed.
        interpreter.NoPython: There is no environment yet and no Python to make it with.
    """
    _clean_variables()
    stamp = Stamp(ROOT)
    if PYTHON.exists() and stamp.is_current():
        return PYTHON
    VENV.mkdir(exist_ok=True)
    with exclusive(VENV / ".setup.lock", "Another command is setting up this clone: waiting for it."):
        if not (PYTHON.exists() and stamp.is_current()):
            stamp.remove()
            _set_up()
            stamp.write()
    return PYTHON


def run(*command: str | Path) -> None:
    """Run a command in the clone, its output on screen; raise :class:`SetupFailed` if it fails."""
    words = [str(word) for word in command]
    if subprocess.run(words, cwd=ROOT).returncode != 0:
        raise SetupFailed(f"this command failed: {' '.join(words)}")


def mmcv_wheel(torch: TorchBuild) -> NativeWheel:
    """The wheel of mmcv that goes with ``torch``, in the user's cache folder."""
    version = _pinned("onedl-mmcv")
    cuda = torch.compiles_cuda()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = f"torch{torch.version}-{torch.python_tag}" + ("-cuda" if cuda else "")
    return NativeWheel(
        name="onedl-mmcv",
        requirement=f"onedl-mmcv=={version}",
        pattern=f"onedl_mmcv-{version}-{torch.python_tag}-*.whl",
        check="mmcv.ops",
        folder=cache / "mmselfhuman" / "wheels" / folder,
        cuda=cuda,
    )


def _clean_variables() -> None:
    """Drop the variables that let other packages into ``.venv``, and put its commands first, for all that is run."""
    for name in ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_USER"):
        os.environ.pop(name, None)
    os.environ["PATH"] = os.pathsep.join([str(PYTHON.parent), os.environ.get("PATH", os.defpath)])


def _set_up() -> None:
    print(f"Setting up {VENV} (once; about 6 GB)", flush=True)
    _step(1, "environment")
    _create_venv()
    _step(2, "torch and build tools")
    _pip_install("pip")
    _pip_install("-r", REQUIREMENTS / "build.txt", "torch", "torchvision")
    run(PYTHON, "-c", "import torch, torchvision")  # a pair that does not load would show only after the long build
    _step(3, "OpenMMLab and the other packages")
    _install_packages()
    _step(4, "mmcv with its operators (compiled once per machine, about fifteen minutes on two cores)")
    install(mmcv_wheel(TorchBuild.installed_in(PYTHON)), PYTHON)
    _step(5, "this package")
    _pip_install("--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT)
    _step(6, "check")
    run(PYTHON, "-c", "import mmcv.ops, mmdet, mmseg, mmpose.models, mmselfhuman")
    print("The environment is ready.\n", flush=True)


def _step(number: int, what: str) -> None:
    print(f"[{number}/6] {what}", flush=True)


def _create_venv() -> None:
    """Make the virtual environment unless it is there; one whose Python is gone or unsupported is replaced."""
    if PYTHON.exists() and venv_version(VENV)[:2] in interpreter.SUPPORTED:
        return
    for child in VENV.iterdir():
        if child.name != ".setup.lock":
            shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
    run(interpreter.find_python(), "-m", "venv", VENV)


def _pip_install(*arguments: str | Path) -> None:
    run(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "-c", CONSTRAINTS, *arguments)


def _install_packages() -> None:
    _pip_install("-r", REQUIREMENTS / "quickstart.txt")
    # imaug asks for both builds of OpenCV, which share their files: the one installed last is the one that runs. The
    # headless one needs no graphics libraries of the system.
    _pip_install("--no-deps", "--force-reinstall", "opencv-python-headless")
    # The published wheel of xtcocotools was compiled for numpy 1.
    _pip_install("--no-deps", "--no-build-isolation", "--no-cache-dir", "--no-binary", "xtcocotools", "xtcocotools")
    _pip_install("--no-deps", "mmpose")


def _pinned(name: str) -> str:
    found = re.search(rf"^{re.escape(name)}==(\S+)", CONSTRAINTS.read_text(), re.MULTILINE)
    if not found:
        raise SetupFailed(f"{CONSTRAINTS} pins no {name}")
    return found[1]
