"""Files that are there entirely or not at all, and names that stay in their folder."""

import contextlib
import errno
import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO

CLIP_SUFFIX = ".zip"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")

_PARTIAL = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]+)\.(?P<process>\d+)\.partial")
_STORAGE_FAILS = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class PseudoLabelError(ValueError):
    """A file of a store is missing or damaged, or a round does not exist; the message names it."""


def check_video_name(name: str) -> str:
    """Let a video name pass that can be a relative path below any folder, on every operating system.

    Raises:
        ValueError: It is none (see :func:`check_relative`), or a part of it ends like one of the store's own files.
    """
    check_relative(name)
    if any(part.lower().endswith((CLIP_SUFFIX, *IMAGE_SUFFIXES, ".partial")) for part in name.split("/")):
        suffixes = f"{CLIP_SUFFIX}, {', '.join(IMAGE_SUFFIXES)} or .partial"
        raise ValueError(
            f"name {name!r} cannot be a path in the store: a part of it ends in {suffixes}, as the store's files do"
        )
    return name


def check_relative(name: str) -> str:
    """Let a name pass that is a path below any folder, on every operating system.

    Raises:
        ValueError: It is no text, empty or absolute, or has a part that is empty, ``'.'`` or ``'..'``, a backslash, a
            drive, a control character, or what no file name can hold.
    """
    parts = name.split("/") if isinstance(name, str) else ()
    problem = None
    if not name or not parts:
        problem = "expected a relative path"
    elif any(part in ("", ".", "..") for part in parts):
        problem = "a part of it is empty, '.' or '..'"
    elif PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or "\\" in name or _CONTROL.search(name):
        problem = "it is absolute, or has a drive, a backslash or a control character"
    if problem:
        raise ValueError(f"name {name!r} cannot be a path in the store: {problem}")
    return name


def to_json(value: Any) -> bytes:
    """The same bytes for the same value, whatever order its dictionaries were filled in.

    Raises:
        ValueError: It holds NaN or an infinite number.
        TypeError: It holds something that JSON does not know.
    """
    return (json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n").encode("ascii")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name, complete and on disk, when the block ends without an error.

    What a killed process leaves behind is a hidden ``*.partial``, see :func:`sweep`.

    Raises:
        OSError: The file cannot be written, e.g. for want of space; then nothing is left of it.
    """
    _make_folder(path.parent)
    partial = path.with_name(f".{path.name}.{_host()}.{os.getpid()}.partial")
    try:
        with open(partial, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.filename is None and error.errno in _STORAGE_FAILS:  # raised by the write, which does not say where
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each of which then survives a power cut."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut, where the operating system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path, also_living: bool = False) -> None:
    """Delete what dead writers left half written below a folder.

    Args:
        folder: Need not exist.
        also_living: Delete also what belongs to a process that lives, or to another machine: for when nobody writes.
    """
    for place, _, names in os.walk(folder):
        for name in names:
            match = _PARTIAL.fullmatch(name)
            if match and (also_living or _is_dead(match["host"], int(match["process"]))):
                Path(place, name).unlink(missing_ok=True)


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname()) or "host"


def _is_dead(host: str, process: int) -> bool:
    if host != _host() or os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
