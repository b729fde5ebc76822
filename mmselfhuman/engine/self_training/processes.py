"""Every stage in a process of its own: memory, random numbers and MMEngine's process-wide tables begin anew.

The processes are forked from a server that has imported the libraries and done nothing else, so that a stage begins at
once; where there is no fork they are started from scratch. A stage's process ends with its parent, however that ends.
"""

import contextlib
import io
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from mmselfhuman.engine.self_training.ledger import Result
from mmselfhuman.engine.self_training.locking import exclusive
from mmselfhuman.engine.self_training.loop import StageFailedError
from mmselfhuman.engine.self_training.stages import CannotBeginError, Stage

LOG = "log.txt"
REASON = "reason.txt"
"""Why a stage could not begin; without it, the end of the log has to do."""
_PATIENCE = 5.0  # seconds from being asked to stop to being stopped
_TAIL = 15


@dataclass(eq=False)
class _Running:
    """A stage at work.

    Attributes:
        process: Its own.
        reports: What it says.
        log: The file of its output, if there is one.
        talks: Whether more may come from it.
        last: Its last report that nobody has heard.
    """

    process: BaseProcess
    reports: Connection
    log: Path | None
    talks: bool = True
    last: tuple | None = None

    def listen(self) -> None:
        try:
            self.last = self.reports.recv()
        except EOFError:
            self.talks = False


class InOwnProcess:
    """Carries out stages in processes of their own.

    Args:
        work: Carries out a stage inside its process; can be pickled.
        work_dir: Of the loop.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``: how the ranks were started, one of which this
            process is.
        progress: Called now and then with what ``work`` reports, or ``None``.
        show_log: Let the stage write to the terminal rather than to a file.
        jobs: Among how many stages side by side the CPU's threads are shared out, whether so many are at work or not.
    """

    def __init__(
        self,
        work: Callable,
        work_dir: Path,
        launcher: str = "none",
        progress: Callable[[tuple | None], None] = lambda done: None,
        show_log: bool = False,
        jobs: int = 1,
    ) -> None:
        self._work, self._work_dir, self._launcher = work, work_dir, launcher
        self._progress, self._show_log, self._jobs = progress, show_log, jobs
        self._running: dict[str, _Running] = {}
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload(["mmselfhuman.engine.self_training.preload"])

    def __call__(
        self, stage: Stage, folder: Path, inputs: dict[str, Result], environment: Mapping[str, str] | None = None
    ) -> None:
        """Carry out a stage, or wait for it if it has been begun.

        Args:
            stage: Which.
            folder: Its own.
            inputs: What it uses, by role.
            environment: Variables to be set in its process.

        Raises:
            StageFailedError: It failed.
        """
        self.begin(stage, folder, inputs, environment)
        running = self._running[stage.name]
        try:
            self._watch(running)
        except BaseException:
            _stop([running.process])
            raise
        finally:
            del self._running[stage.name]
        if running.process.exitcode:
            raise StageFailedError(_story(stage, folder, running.process.exitcode, running.log))

    def begin(
        self, stage: Stage, folder: Path, inputs: dict[str, Result], environment: Mapping[str, str] | None = None
    ) -> None:
        """Let a stage be carried out beside others; once is enough."""
        if stage.name in self._running:
            return
        receiver, sender = self._context.Pipe(duplex=False)
        log = None if self._show_log else _log(folder)
        (folder / REASON).unlink(missing_ok=True)
        task = (stage, folder, self._work_dir, inputs, self._launcher, sender)
        process = self._context.Process(
            target=_child, args=(self._work, task, log, dict(environment or {}), self._jobs), name=stage.name
        )
        process.start()
        sender.close()
        self._running[stage.name] = _Running(process, receiver, log)

    def stop(self) -> None:
        """Stop what has been begun and nobody waits for; it can be gone on with."""
        try:
            _stop([running.process for running in self._running.values()])
        finally:
            self._running.clear()

    def _watch(self, running: _Running) -> None:
        """Wait for one, and hear them all: whose reports nobody takes would have to stop."""
        while running.process.is_alive():
            talking = {one.reports: one for one in self._running.values() if one.talks}
            ready = wait([running.process.sentinel, *talking], timeout=1)
            for reports in ready:
                if reports in talking:
                    talking[reports].listen()
            self._progress(running.last)
            running.last = None
        running.process.join()


def _child(work: Callable, task: tuple, log: Path | None, environment: dict[str, str], jobs: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is the one to be interrupted, and stops this process
    signal.signal(signal.SIGTERM, lambda number, frame: _end(1))
    _end_with_parent()
    os.environ.update(environment)
    _share_threads(jobs)
    _, folder, *_ = task
    rank = int(os.environ.get("RANK", 0))
    if log is not None:
        _redirect(log)
    # A process whose parent was killed a moment ago may still be at the same stage.
    guard = exclusive(folder / ".lock", wait=True) if rank == 0 else contextlib.nullcontext()
    code = 0
    with guard:
        try:
            work(*task)
        except BaseException as error:
            traceback.print_exc()
            if isinstance(error, CannotBeginError):
                (folder / REASON).write_text(str(error), encoding="utf-8")
            code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    _end(code)


def _share_threads(jobs: int) -> None:
    """Always so many: how many threads add up decides on last bits, and these must not hang on what else is at work."""
    if jobs > 1:
        import cv2
        import torch

        torch.set_num_threads(max(1, torch.get_num_threads() // jobs))
        cv2.setNumThreads(max(1, cv2.getNumThreads() // jobs))


def _end(code: int) -> None:
    """End this process at once, with the workers of its data loaders: one whose queue is full when its parent is gone
    would wait for ever, and threads of libraries must not keep a stage from ending."""
    for worker in multiprocessing.active_children():
        worker.kill()
    os._exit(code)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        _end(1)

    threading.Thread(target=watch, daemon=True).start()


def _log(folder: Path) -> Path:
    """Each rank has its own."""
    rank = int(os.environ.get("RANK", 0))
    return folder / (LOG if rank == 0 else f"log_{rank}.txt")


def _redirect(log: Path) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), line_buffering=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), line_buffering=True)


def _stop(processes: Iterable[BaseProcess]) -> None:
    processes = list(processes)
    for process in processes:
        process.terminate()
    try:
        for process in processes:
            process.join(_PATIENCE)
    finally:  # also when the user interrupts once more
        for process in processes:
            if process.is_alive():
                process.kill()
                process.join()


def _story(stage: Stage, folder: Path, code: int, log: Path | None) -> str:
    how = f"was killed by signal {signal.Signals(-code).name}" if code < 0 else "failed"
    if -code == getattr(signal, "SIGKILL", None):
        how += " (the system does that when memory runs out)"
    reason = folder / REASON
    if reason.is_file():
        found = reason.read_text(encoding="utf-8")
        return f"stage {stage.name} found {found}\nWhen that is mended, the same command goes on"
    lines = log.read_text(errors="replace").splitlines()[-_TAIL:] if log is not None and log.is_file() else []
    tail = "".join(f"\n  | {line}" for line in lines)
    return (
        f"stage {stage.name} {how}.{tail}\nEverything before it is kept. Its log is {log or folder}. When the cause is "
        "mended, the same command goes on from there"
    )
