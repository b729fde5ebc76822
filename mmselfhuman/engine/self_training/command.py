"""The loop as a command: from a config file to networks, labels and a report."""

import contextlib
import os
import platform
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mmselfhuman.engine.self_training.estimates import describe, known_estimates
from mmselfhuman.engine.self_training.inputs import video_listing
from mmselfhuman.engine.self_training.ledger import Ledger, LedgerError, Result, now
from mmselfhuman.engine.self_training.locking import exclusive
from mmselfhuman.engine.self_training.loop import (
    Executor,
    Outcome,
    SelfTraining,
    StageFailedError,
    Watcher,
    check_writable,
)
from mmselfhuman.engine.self_training.plan import Plan, export_stage, make_plan
from mmselfhuman.engine.self_training.processes import InOwnProcess
from mmselfhuman.engine.self_training.progress import Progress
from mmselfhuman.engine.self_training.pruning import prune
from mmselfhuman.engine.self_training.ranks import Ranks
from mmselfhuman.engine.self_training.reporting import write_reports
from mmselfhuman.engine.self_training.settings import LoopSettings, load_settings
from mmselfhuman.engine.self_training.stages import Stage, differences
from mmselfhuman.engine.self_training.work import work

_DISTRIBUTIONS = (
    "torch",
    "torchvision",
    "mmengine",
    "onedl-mmengine",
    "mmcv",
    "onedl-mmcv",
    "mmdet",
    "onedl-mmdetection",
    "mmsegmentation",
    "onedl-mmsegmentation",
    "mmpose",
    "numpy",
    "opencv-python",
)


class Command:
    """``tools/self_train.py``.

    Args:
        config: File of the loop config.
        work_dir: Where everything goes.
        options: Values by dotted path that replace those of the config.
        videos: Paths that replace the config's.
        first: Stage to be made again, with what depends on it.
        until: Stage after which to end.
        dry_run: Check and estimate only.
        verbose: Show the logs of stages.
        launcher: How ranks were started.
        words: The command line, for the report.

    Raises:
        ConfigError: The config, or one of a network, cannot mean what it says.
        FileNotFoundError: The config or a video does not exist.
    """

    def __init__(
        self,
        config: str,
        work_dir: Path,
        options: Mapping[str, Any] | None = None,
        videos: Sequence[str] = (),
        first: str | None = None,
        until: str | None = None,
        dry_run: bool = False,
        verbose: bool = False,
        launcher: str = "none",
        words: Sequence[str] = (),
    ) -> None:
        self.work_dir, self._first, self._until, self._dry_run = Path(work_dir), first, until, dry_run
        self._words = list(words)
        self.settings: LoopSettings = load_settings(config, options, videos)
        self.plan: Plan = make_plan(self.settings)
        self._progress: Progress | None = None
        self._jobs = self.settings.jobs if launcher == "none" else 1  # ranks carry out each stage together
        self._own = InOwnProcess(work, self.work_dir, launcher, self._advance, verbose, self._jobs)
        self._ranks = None if launcher == "none" else Ranks.of(launcher, self._own)
        self._execute = self._ranks or self._own

    def run(self) -> int:
        """Go on from where the ledger says; returns the exit status.

        Raises:
            KeyboardInterrupt: The user has had enough.
        """
        try:
            if self._ranks is not None and self._ranks.rank:
                self._ranks.follow()
                return 0
            try:
                return self._lead()
            finally:
                if self._ranks is not None:
                    self._ranks.dismiss()
        except (LedgerError, StageFailedError) as error:
            print(f"\nerror: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            print(
                f"\nerror: {error}. Everything that was finished is kept: mend this, and give the same command again",
                file=sys.stderr,
            )
            return 1

    def _lead(self) -> int:
        check_writable(self.work_dir)
        with exclusive(self.work_dir / ".lock"):
            ledger = Ledger(self.work_dir)
            self._progress = Progress(ledger, known_estimates(self.work_dir))
            recorder = _Recorder(ledger, self._progress, self.plan, self._words)
            carry_out = _SameVideos(self.settings, self._execute, self._own)
            loop = SelfTraining(
                self.plan,
                ledger,
                carry_out,
                lambda best: export_stage(self.plan, self.settings, best),
                recorder,
                lambda number, best: self._prune(ledger, number),
                carry_out,
                self._jobs,
            )
            forgotten = loop.check(self._first)
            if forgotten:
                print(f"to be made again: {', '.join(forgotten)}")
            if self._dry_run:
                print("Checking, then eight steps of every training and six frames of labels ...", flush=True)
                print(describe(self.plan, ledger, self._execute))
                return 0
            recorder.start()
            try:
                outcome = loop.run(self._until)
            except StageFailedError as error:
                recorder.failed(str(error))
                raise
            finally:
                recorder.stop()
            self._tell(outcome, ledger)
        return 0

    def _prune(self, ledger: Ledger, number: int) -> None:
        if self.settings.keep == "needed":
            prune(self.plan, ledger, number)

    def _advance(self, done: tuple | None) -> None:
        if self._progress is not None:
            self._progress.advance(done)

    def _tell(self, outcome: Outcome, ledger: Ledger) -> None:
        text = (self.work_dir / "report.md").read_text(encoding="utf-8")
        print("\n" + text.partition("## Rounds\n")[2].partition("\n## ")[0].strip())
        if outcome.finished:
            best = 0 if outcome.verdict is None else outcome.verdict.best
            print(f"\nBest round: {best}. Its networks: {self.work_dir / 'export'}")
        print(f"Report: {self.work_dir / 'report.html'}")


class _SameVideos:
    """Carries out stages while the videos are those that the command was given for: labels of others would pass for
    theirs.

    Args:
        settings: Name the videos.
        execute: Carries out a stage.
        own: Carries out stages beside others.
    """

    def __init__(self, settings: LoopSettings, execute: Executor, own: InOwnProcess) -> None:
        self._settings, self._execute, self._own = settings, execute, own

    def __call__(self, stage: Stage, folder: Path, inputs: dict[str, Result]) -> None:
        self._compare(stage)
        self._execute(stage, folder, inputs)

    def begin(self, stage: Stage, folder: Path, inputs: dict[str, Result]) -> None:
        self._compare(stage)
        self._own.begin(stage, folder, inputs)

    def stop(self) -> None:
        self._own.stop()

    def _compare(self, stage: Stage) -> None:
        listing = stage.settings.get("listing") or stage.settings.get("videos", {}).get("listing")
        if not listing:
            return
        try:
            changes = differences(listing, video_listing(self._settings.videos))
        except FileNotFoundError as error:
            changes = [str(error)]
        if changes:
            raise StageFailedError(
                f"stage {stage.name} was not begun: videos have changed since the command was given: "
                f"{'; '.join(changes[:3])}{' ...' if len(changes) > 3 else ''}. Everything before it is kept: put them "
                "back, or give the same command again to be told what would have to be made again"
            )


class _Recorder(Watcher):
    """Keeps ledger and reports up to date while the loop runs."""

    def __init__(self, ledger: Ledger, progress: Progress, plan: Plan, words: Sequence[str]) -> None:
        self._ledger, self._progress, self._plan = ledger, progress, plan
        self._session = {
            "command": shlex.join(words),
            "started": now(),
            "seconds": 0.0,
            "interrupted": 0.0,
            "versions": versions(),
            "failure": None,
        }
        self._clock = time.monotonic()
        self._stage_clock: float | None = None

    def start(self) -> None:
        self._ledger.sessions.append(self._session)
        self._save()

    def begins(self, stage: Stage, plan: Plan) -> None:
        self._stage_clock = time.monotonic()
        self._progress.begins(stage, plan)

    def ends(self, stage: Stage, result: Result) -> None:
        self._stage_clock = None
        self._progress.ends(stage, result)
        self._save()

    def failed(self, message: str) -> None:
        self._session["failure"] = message

    def stop(self) -> None:
        # On a full disk, the stage that failed has more to say than the report that cannot be written.
        with contextlib.suppress(*([] if self._session["failure"] is None else [OSError])):
            self._save()

    def _save(self) -> None:
        end = time.monotonic()
        self._session["seconds"] = round(end - self._clock, 3)
        self._session["interrupted"] = 0.0 if self._stage_clock is None else round(end - self._stage_clock, 3)
        self._ledger.save()
        write_reports(self._plan, self._ledger)


def versions() -> dict[str, str]:
    """Of Python, the machine, and what the loop stands on."""
    from mmselfhuman.version import __version__

    found = {"mmselfhuman": __version__, "python": platform.python_version(), "cores": str(os.cpu_count())}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
