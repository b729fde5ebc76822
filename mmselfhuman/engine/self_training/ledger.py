"""What has happened so far, on disk: a stage happened entirely or not at all."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmselfhuman.engine.self_training.stages import Stage, dependents, differences, plain, settings_digest, stage_key
from mmselfhuman.pseudo_labels.files import replacing

FORMAT_VERSION = 1
LEDGER = "ledger.json"
RESULT = "result.json"
_STAGE = "stage.json"


class LedgerError(RuntimeError):
    """The work dir cannot be gone on with; the message says why, and what to do."""


@dataclass(frozen=True)
class Result:
    """What a stage has left.

    Attributes:
        outputs: Files and folders by name, relative to the work dir.
        digest: Of what they hold; equal for equal content, wherever and whenever it was made.
        metrics: Numbers, by name; ``None`` where there was nothing to measure.
        facts: What else is to be known, as plain values that JSON knows.
        seconds: Wall time of the process that brought it to its end.
        busy: Seconds of it in which networks were trained or asked, or labels made.
        started: When it began, in seconds since 1970.
    """

    outputs: dict[str, str] = field(default_factory=dict)
    digest: str = ""
    metrics: dict[str, float | None] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    busy: float = 0.0
    started: float = 0.0


class Ledger:
    """The ledger of a work dir.

    A stage works in a folder of its own, ``stages/<name>``. Its last act is to write ``result.json`` there, atomically;
    with it the stage has happened, and the ledger takes it over. So nothing is lost between the two.

    Args:
        work_dir: Need not exist.

    Raises:
        LedgerError: The ledger is damaged or of another format.
    """

    def __init__(self, work_dir: str | Path) -> None:
        self.work_dir = Path(work_dir)
        self._path = self.work_dir / LEDGER
        self._content: dict[str, Any] = {"format": FORMAT_VERSION, "stages": {}, "redone": {}, "sessions": []}
        if self._path.exists():
            self._content = self._read()

    def result(self, name: str) -> Result | None:
        """What a stage has left; ``None`` if it has not happened."""
        entry = self._content["stages"].get(name)
        return None if entry is None else Result(**entry["result"])

    def has_happened(self, name: str) -> bool:
        """Whether a stage has, with whatever inputs."""
        return name in self._content["stages"]

    def names(self) -> list[str]:
        """The stages that have happened, in the order in which they did."""
        return list(self._content["stages"])

    @property
    def sessions(self) -> list[dict]:
        """The commands that were run here: what was called, when, for how many seconds, and with what versions."""
        return self._content["sessions"]

    def folder(self, name: str) -> Path:
        """Where a stage works."""
        return self.work_dir / "stages" / name

    def changed(self, stages: Sequence[Stage]) -> dict[str, list[str]]:
        """Stages that have happened but are not what they were, and why: a few lines each.

        Cheap stages are left out; so are those that only take something from a changed one.
        """
        found = {}
        for stage in stages:
            entry = self._content["stages"].get(stage.name)
            if entry is None or stage.cheap or entry["settings"] == settings_digest(stage):
                continue
            found[stage.name] = self._changes(stage) or ["its settings have changed"]
        return found

    def has(self, stage: Stage) -> bool:
        """Whether a stage has happened with the inputs that are there now, and its outputs still exist."""
        entry = self._content["stages"].get(stage.name)
        if entry is None or entry["key"] != self._key(stage):
            return False
        return self._is_there(Result(**entry["result"]))

    def begin(self, stage: Stage) -> Path:
        """Make the folder of a stage ready, and return it.

        What another stage of this name, or the same with other inputs, has left there is deleted; what the same stage
        has left is kept, to be gone on with.
        """
        folder, identity = self.folder(stage.name), self._identity(stage)
        known = _load(folder / _STAGE) or {}
        if {name: known.get(name) for name in identity} != identity:
            shutil.rmtree(folder, ignore_errors=True)
            _write(folder / _STAGE, {**identity, "settings": plain(stage.settings)})
        return folder

    def left(self, stage: Stage) -> Result | None:
        """The result in the folder of a stage, if it has happened there with the inputs that are there now."""
        folder, identity = self.folder(stage.name), self._identity(stage)
        known, result = _load(folder / _STAGE) or {}, _load(folder / RESULT)
        if result is None or {name: known.get(name) for name in identity} != identity:
            return None
        return Result(**result) if self._is_there(Result(**result)) else None

    def finish(self, stage: Stage, result: Result) -> None:
        """Write down that a stage has happened."""
        stages = self._content["stages"]
        stages.pop(stage.name, None)
        stages[stage.name] = {
            "key": self._key(stage),
            "settings": settings_digest(stage),
            "kind": stage.kind,
            "round": stage.round,
            "result": asdict(result),
        }
        self.save()

    def redo(self, stages: Sequence[Stage], names: Sequence[str]) -> list[str]:
        """Forget some stages, and all that use, directly or through others, what they left.

        Returns:
            The names of those that had happened, in the order of the plan.
        """
        again = dependents(stages, names)
        for name in again:
            self._content["redone"][name] = self._content["redone"].get(name, 0) + 1
        forgotten = [name for name in again if self._content["stages"].pop(name, None) is not None]
        self.save()
        return forgotten

    def prune(self, name: str, output: str) -> None:
        """Delete an output that no stage to come needs; the stage still counts as having happened."""
        result = self._content["stages"][name]["result"]
        path = self.work_dir / result["outputs"].pop(output)
        result["facts"].setdefault("pruned", []).append(output)
        self.save()
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)

    def save(self) -> None:
        """Write the ledger, atomically.

        Raises:
            OSError: It cannot be written.
        """
        _write(self._path, self._content)

    def _identity(self, stage: Stage) -> dict[str, Any]:
        return {"key": self._key(stage), "redone": self._content["redone"].get(stage.name, 0)}

    def _is_there(self, result: Result) -> bool:
        return all((self.work_dir / path).exists() for path in result.outputs.values())

    def _key(self, stage: Stage) -> str:
        digests = {name: entry["result"]["digest"] for name, entry in self._content["stages"].items()}
        return stage_key(stage, digests)

    def _changes(self, stage: Stage) -> list[str]:
        known = _load(self.folder(stage.name) / _STAGE) or {}
        return differences(known.get("settings", {}), plain(stage.settings))

    def _read(self) -> dict[str, Any]:
        content = _load(self._path)
        if content is None or content.get("format") != FORMAT_VERSION:
            raise LedgerError(
                f"{self._path} is damaged or of another version. Delete it: stages whose folders have a {RESULT} are "
                "taken over from there, and nothing that is finished is made again"
            )
        return content


def write_result(folder: Path, result: Result) -> None:
    """Let a stage have happened: the last act of the process that carries it out.

    Raises:
        OSError: The file cannot be written.
    """
    _write(folder / RESULT, asdict(result))


def now() -> float:
    """Seconds since 1970, to the millisecond."""
    return round(time.time(), 3)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with replacing(path) as file:
        file.write((json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def _load(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
