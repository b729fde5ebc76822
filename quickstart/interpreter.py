"""Choose the Python that makes the environment. Any ``python3`` may start us: this file keeps to the syntax of 3.6."""

import os
import shutil
import subprocess
import sys

SUPPORTED = ((3, 12), (3, 11), (3, 10))

# Debian ships venv without ensurepip and Python without its headers; both are only missed minutes into the set-up.
_PROBE = """
import os, sys, sysconfig
missing = []
if sys.version_info[:2] not in {supported!r}:
    missing.append("it is Python %d.%d" % sys.version_info[:2])
else:
    try:
        import ensurepip, venv
    except ImportError:
        missing.append("it cannot make virtual environments (Debian, Ubuntu: apt install python3-venv)")
    if not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
        missing.append("its C headers are not installed (Debian, Ubuntu: apt install python3-dev)")
print("; ".join(missing))
"""


class NoPython(RuntimeError):
    """No usable Python was found; the message says what was tried and why it was refused."""


def restart_if_unsupported(venv_python):
    """Replace this process by one of a supported Python, unless it already is one.

    Args:
        venv_python (str): The environment's own interpreter, preferred where it exists.
    """
    if sys.version_info[:2] in SUPPORTED:
        return
    try:
        python = venv_python if os.path.exists(venv_python) else find_python()
    except NoPython as error:
        sys.exit(str(error))
    os.execv(python, [python, *sys.argv])


def find_python():
    """Path of a Python 3.10 to 3.12 with venv, pip and C headers: the running one if it will do, else from ``PATH``.

    Raises:
        NoPython: There is none; the message lists every candidate with what it lacks.
    """
    names = [f"python{major}.{minor}" for major, minor in SUPPORTED] + ["python3", "python"]
    on_path = [path for path in map(shutil.which, names) if path]
    refused = []
    for candidate in dict.fromkeys([sys.executable, *on_path]):
        problem = _problem_of(candidate)
        if not problem:
            return candidate
        refused.append(f"  {candidate}: {problem}")
    raise NoPython("Python 3.10, 3.11 or 3.12 is needed to make the environment. Tried:\n" + "\n".join(refused))


def _problem_of(candidate):
    """Why ``candidate`` cannot make the environment; empty if it can."""
    try:
        probe = [candidate, "-c", _PROBE.format(supported=SUPPORTED)]
        return subprocess.check_output(probe, stderr=subprocess.DEVNULL).decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return "it does not start"  # e.g. the shim that pyenv leaves for a Python that is not selected
