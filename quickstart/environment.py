"""Make ``.venv`` in this clone, everything pinned by ``requirements/constraints.txt``; at once if nothing changed."""

import hashlib
import json
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

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
CONSTRAINTS = REQUIREMENTS / "constraints.txt"
STAMP = VENV / "mmselfhuman-setup.json"

# What torch has to say about itself and about the CUDA compiler beside it; a plain line of JSON.
_TORCH_FACTS = """
import json, sys, torch
from importlib.metadata import version
from torch.utils.cpp_extension import CUDA_HOME
print(json.dumps(dict(
    torch=version("torch"), tag="cp%d%d" % sys.version_info[:2], cuda=torch.version.cuda, home=CUDA_HOME,
    gpu=torch.cuda.is_available(),
)))
"""


def prepare() -> Path:
    """Bring ``.venv`` up to date and return its Python. Takes milliseconds when it is.

    Raises:
        SetupFailed: A step failed.
        interpreter.NoPython: There is no environment yet and no Python to make it with.
    """
    if not _is_current():
        VENV.mkdir(exist_ok=True)
        with exclusive(VENV / ".setup.lock", "Another command is setting up this clone: waiting for it."):
            if not _is_current():
                _set_up()
    return PYTHON


def environment_variables() -> dict[str, str]:
    """The caller's environment variables, without those that would let other packages into ``.venv``."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET")}
    return {**kept, "PATH": os.pathsep.join([str(PYTHON.parent), kept.get("PATH", os.defpath)])}


def run(*command: str | Path) -> None:
    """Run a command in the clone, with ``.venv`` first on the ``PATH``; raise :class:`SetupFailed` if it fails."""
    words = [str(word) for word in command]
    if subprocess.run(words, cwd=ROOT, env=environment_variables()).returncode != 0:
        raise SetupFailed(f"this command failed: {' '.join(words)}")


def _set_up() -> None:
    STAMP.unlink(missing_ok=True)
    print(f"Setting up {VENV} (once; about 8 GB)", flush=True)
    _step(1, "environment")
    _create_venv()
    _step(2, "torch and build tools")
    _pip_install("pip")
    _pip_install("-r", REQUIREMENTS / "build.txt", "torch", "torchvision")
    _step(3, "OpenMMLab and the other packages")
    _install_packages()
    _step(4, "mmcv with its operators")
    install(_mmcv_wheel(), PYTHON)
    _step(5, "this package")
    _pip_install("--no-deps", "--no-build-isolation", "--editable", ROOT)
    _step(6, "check")
    run(PYTHON, "-c", "import mmcv.ops, mmdet, mmseg, mmpose.models, mmselfhuman")
    _write_stamp()
    print("The environment is ready.\n", flush=True)


def _step(number: int, what: str) -> None:
    print(f"[{number}/6] {what}", flush=True)


def _create_venv() -> None:
    """Make the virtual environment unless it is there; one whose Python is gone or unsupported is replaced."""
    if PYTHON.exists() and _venv_version()[:2] in interpreter.SUPPORTED:
        return
    for child in VENV.iterdir():
        if child.name != ".setup.lock":
            shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
    run(interpreter.find_python(), "-m", "venv", VENV)


def _venv_version() -> tuple[int, ...]:
    """The environment's Python, e.g. ``(3, 11, 7)``, read without starting it; empty if unknown."""
    try:
        found = re.search(r"^version(?:_info)? = (\d+)\.(\d+)\.(\d+)", (VENV / "pyvenv.cfg").read_text(), re.MULTILINE)
    except FileNotFoundError:
        return ()
    return tuple(map(int, found.groups())) if found else ()


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


def _mmcv_wheel() -> NativeWheel:
    version = _pinned("onedl-mmcv")
    facts = json.loads(subprocess.check_output([PYTHON, "-c", _TORCH_FACTS], env=environment_variables()))
    cuda = _compiles_cuda(facts)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = f"torch{facts['torch']}-{facts['tag']}" + ("-cuda" if cuda else "")
    return NativeWheel(
        name="onedl-mmcv",
        requirement=f"onedl-mmcv=={version}",
        pattern=f"onedl_mmcv-{version}-{facts['tag']}-*.whl",
        check="mmcv.ops",
        folder=cache / "mmselfhuman" / "wheels" / folder,
        cuda=cuda,
    )


def _compiles_cuda(facts: dict) -> bool:
    """Whether mmcv's CUDA kernels are wanted (a GPU, or ``FORCE_CUDA=1``) and can be compiled."""
    if os.environ.get("FORCE_CUDA") == "1":
        return True
    if not (facts["gpu"] and facts["cuda"]):
        return False
    wanted = facts["cuda"].split(".")[0]
    if _toolkit_major(facts["home"]) == wanted:
        return True
    print(
        f"  a GPU is here, but not the CUDA {wanted} compiler that this torch needs (set CUDA_HOME to it, or use\n"
        "  docker/Dockerfile): mmcv's operators are built for the CPU; detectors that call them cannot run on the GPU",
        flush=True,
    )
    return False


def _toolkit_major(home: str | None) -> str | None:
    """Major version of the CUDA toolkit in ``home``; ``None`` if there is no compiler."""
    nvcc = Path(home or "", "bin", "nvcc")
    if not home or not nvcc.exists():
        return None
    said = subprocess.run([nvcc, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"release (\d+)", said)
    return found[1] if found else None


def _pinned(name: str) -> str:
    found = re.search(rf"^{re.escape(name)}==(\S+)", CONSTRAINTS.read_text(), re.MULTILINE)
    if not found:
        raise SetupFailed(f"{CONSTRAINTS} pins no {name}")
    return found[1]


def _fingerprint() -> dict[str, str]:
    """What the environment was made from: while none of it changes, there is nothing to do."""
    digest = hashlib.sha256()
    scripts = [ROOT / "quickstart" / f"{name}.py" for name in ("environment", "native_wheel")]
    for path in [*sorted(REQUIREMENTS.glob("*.txt")), *scripts, ROOT / "setup.py", ROOT / "mmselfhuman/version.py"]:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    # The editable install and the scripts in .venv/bin hold the clone's place.
    return {"sources": digest.hexdigest(), "clone": str(ROOT), "python": ".".join(map(str, _venv_version()))}


def _is_current() -> bool:
    try:
        return PYTHON.exists() and json.loads(STAMP.read_text()) == _fingerprint()
    except (FileNotFoundError, json.JSONDecodeError):
        return False


def _write_stamp() -> None:
    temporary = STAMP.with_suffix(".tmp")
    temporary.write_text(json.dumps(_fingerprint()))
    temporary.replace(STAMP)


def main() -> Path:
    """:func:`prepare` for a command line: failures are printed without a traceback and end the process."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return prepare()
    except (SetupFailed, interpreter.NoPython) as error:
        sys.exit(f"Set-up failed: {error}")
    except KeyboardInterrupt:
        sys.exit("\nSet-up interrupted; the same command takes it up again.")
