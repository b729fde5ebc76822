"""A wheel that must be compiled against the installed torch: built once per machine, then shared by every clone.

Wheels lie in a folder of their own for each torch version and Python. pip's own cache does not know which torch a wheel
was linked against, and hands out one that fails at import (``undefined symbol``).
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from build_progress import BuildProgress
from locking import exclusive

_ERROR = re.compile(r"\berror: ", re.IGNORECASE)


class SetupFailed(RuntimeError):
    """A step of the set-up failed; the message says which and where its output is."""


@dataclass(frozen=True)
class NativeWheel:
    """A distribution to compile.

    Attributes:
        name: Distribution name, e.g. ``onedl-mmcv``.
        requirement: What pip is asked to build, e.g. ``onedl-mmcv==2.3.6``.
        pattern: File name pattern of the finished wheel.
        check: Module whose import proves that the compiled code loads.
        folder: Where the wheel is kept.
        cuda: Whether to compile the CUDA kernels.
    """

    name: str
    requirement: str
    pattern: str
    check: str
    folder: Path
    cuda: bool = False


def install(wheel: NativeWheel, python: Path) -> None:
    """Install ``wheel`` into the environment of ``python``, compiling it first if no clone has yet.

    A kept wheel that does not load is deleted and compiled anew, once.

    Raises:
        SetupFailed: The compilation failed, or what was just compiled does not load.
    """
    wheel.folder.mkdir(parents=True, exist_ok=True)
    waiting = f"  another set-up is building {wheel.name} for the same torch and Python: waiting for it"
    with exclusive(wheel.folder / ".lock", waiting):
        if kept := _kept(wheel):
            print(f"  reusing {kept}", flush=True)
            problem = _install_and_check(kept, wheel, python)
            if problem is None:
                return
            print(f"  it does not load ({problem.splitlines()[-1]}): building it anew", flush=True)
            kept.unlink()
        built = _build(wheel, python)
        if problem := _install_and_check(built, wheel, python):
            built.unlink()
            raise SetupFailed(f"{built.name} was built, but `import {wheel.check}` fails:\n{problem}")


def _kept(wheel: NativeWheel) -> Path | None:
    return next(iter(sorted(wheel.folder.glob(wheel.pattern))), None)


def _install_and_check(path: Path, wheel: NativeWheel, python: Path) -> str | None:
    """Install the wheel file; the error of importing it, or ``None`` if it imports."""
    pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", path]
    attempt = subprocess.run(pip, capture_output=True, text=True)
    if attempt.returncode == 0:
        # Isolated, so that no folder of the clone is imported by mistake.
        attempt = subprocess.run([python, "-I", "-c", f"import {wheel.check}"], capture_output=True, text=True)
    if attempt.returncode == 0:
        return None
    return attempt.stderr.strip() or attempt.stdout.strip() or f"exit status {attempt.returncode}"


def _build(wheel: NativeWheel, python: Path) -> Path:
    """Compile ``wheel`` and move it into its folder in one step, so that an interrupted build leaves nothing half."""
    if shutil.which(os.environ.get("CXX", "c++").split()[0]) is None:
        raise SetupFailed(f"{wheel.name} needs a C++ compiler (Debian, Ubuntu: apt install g++; or set CXX)")
    for abandoned in wheel.folder.glob(".building-*"):
        shutil.rmtree(abandoned)
    log = wheel.folder / "build.log"
    with tempfile.TemporaryDirectory(prefix=".building-", dir=wheel.folder) as scratch:
        out = Path(scratch, "wheel")
        _run_build(wheel, python, Path(scratch), out, log)
        built = next(out.glob(wheel.pattern), None)
        if built is None:
            raise SetupFailed(f"{wheel.requirement} built no file named {wheel.pattern}; its output is in {log}")
        return built.replace(wheel.folder / built.name)


def _run_build(wheel: NativeWheel, python: Path, scratch: Path, out: Path, log: Path) -> None:
    """Let pip compile ``wheel`` into ``out``, with the whole output in ``log`` and one line of progress on screen."""
    temporary = scratch / "tmp"
    temporary.mkdir()
    command = [python, "-m", "pip", "wheel", "-v", "--no-build-isolation", "--no-deps", "--no-cache-dir"]
    command += ["--no-binary", wheel.name, "--wheel-dir", out, wheel.requirement]
    print(f"  building {wheel.name}; full output in {log}", flush=True)
    progress = BuildProgress(wheel.name, sys.stdout)
    errors: list[str] = []
    tail: deque[str] = deque(maxlen=15)
    with (
        log.open("w") as record,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=_build_environment(python, temporary, wheel.cuda),
            start_new_session=True,
        ) as process,
    ):
        try:
            for line in process.stdout:
                record.write(line)
                progress.feed(line)
                tail.append(line)
                if _ERROR.search(line):
                    errors.append(line)
        except BaseException:
            # pip, ninja and the compilers are one group of their own: none may outlive an interrupted set-up.
            os.killpg(process.pid, signal.SIGTERM)
            raise
        finally:
            progress.close()
    if process.returncode != 0:
        # pip's own words come last; the compiler's stand further up, between commands of thousands of characters.
        shown = [*errors[:10], "...\n", *tail]
        raise SetupFailed(f"building {wheel.requirement} failed. From {log}:\n" + "".join(map(_shorten, shown)))


def _shorten(line: str) -> str:
    return line if len(line) <= 300 else line[:300] + " ...\n"


def _build_environment(python: Path, temporary: Path, cuda: bool) -> dict[str, str]:
    environment = dict(os.environ, TMPDIR=str(temporary))
    # The build calls `ninja`, which lies beside the environment's Python.
    environment["PATH"] = os.pathsep.join([str(python.parent), environment.get("PATH", os.defpath)])
    environment.setdefault("MAX_JOBS", str(_jobs()))
    if cuda:
        environment["FORCE_CUDA"] = "1"
    else:
        # mmcv compiles CUDA kernels whenever torch sees a GPU, even if there is no compiler for them.
        environment.update(FORCE_CUDA="0", CUDA_VISIBLE_DEVICES="")
    return environment


def _jobs() -> int:
    """One compiler per core, as long as each gets 1.5 GiB of memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(cores, int(memory / (1.5 * 2**30))))
