"""A stage, as the process that carries it out sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mmselfhuman.engine.self_training.ledger import Result
from mmselfhuman.engine.self_training.stages import Stage


@dataclass(frozen=True, eq=False)
class Task:
    """What a process is to carry out, and from what.

    Attributes:
        stage: With the work dir put into its settings.
        folder: The stage's own.
        work_dir: The loop's.
        inputs: Results of the stages that this one uses, by role.
        launcher: How ranks were started.
        reports: Where progress goes; ``None`` on ranks that are not watched.
    """

    stage: Stage
    folder: Path
    work_dir: Path
    inputs: Mapping[str, Result]
    launcher: str
    reports: Connection | None

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.stage.settings

    def input(self, role: str, output: str = "weights") -> Path | None:
        """Where something is that another stage has left; ``None`` if there is no such stage or output."""
        result = self.inputs.get(role)
        path = None if result is None else result.outputs.get(output)
        return None if path is None else self.work_dir / path

    def relative(self, path: Path) -> str:
        """A path below the work dir, as results name it."""
        return path.relative_to(self.work_dir).as_posix()

    def report(self, *progress: Any) -> None:
        """Tell the loop how far the stage has come."""
        if self.reports is not None:
            self.reports.send(progress)
