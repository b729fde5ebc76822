"""How far label making has come."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from logging import INFO

from mmengine.logging import print_log
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

_INTERVAL = 30.0  # seconds between lines in a log


class Progress:
    """Frames done, rate and time left: a bar on a terminal, elsewhere a line in the log now and then.

    Args:
        title: What is being done.
        total: Frames to come; ``None`` if unknown.
        show: Whether to show anything; one of several processes does.
    """

    def __init__(self, title: str, total: int | None, show: bool = True) -> None:
        self.title, self.total, self.done = title, total, 0
        self._show = show
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn()
        )
        self._start = self._told = time.monotonic()

    @contextmanager
    def running(self) -> Iterator["Progress"]:
        """Show progress for a while."""
        if not self._show or not self._bar.console.is_terminal:
            yield self
            return
        self._bar.add_task(self.title, total=self.total)
        with self._bar:
            yield self

    def advance(self) -> None:
        """Count a frame."""
        self.done += 1
        for task in self._bar.task_ids:
            self._bar.update(task, completed=self.done)
        if self._show and not self._bar.task_ids:
            self._log()

    def _log(self) -> None:
        now = time.monotonic()
        if now - self._told < _INTERVAL:
            return
        self._told = now
        rate = self.done / (now - self._start)
        left = f" of {self.total}, {max(0, self.total - self.done) / rate:.0f} s left" if self.total else ""
        print_log(f"{self.title}: {self.done} frames{left}, {rate:.1f} frames/s", "current", INFO)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:.1f} frames/s")
