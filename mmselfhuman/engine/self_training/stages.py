"""Stages of the loop: what each depends on, and what it left."""

import hashlib
import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import Any

from mmselfhuman.pseudo_labels.files import to_json


class CannotBeginError(RuntimeError):
    """A stage cannot do its work; the message has all that a user needs, without a traceback."""


@dataclass(frozen=True)
class Stage:
    """One step of Algorithm 1.

    Attributes:
        name: Unique, and usable as the name of a folder: ``'round1.tpr'``.
        kind: What is done, one of the names that :mod:`~mmselfhuman.engine.self_training.work` knows.
        round: Of the loop; 0 is what comes before the first.
        settings: All that the result depends on besides the inputs, see :func:`plain`. Paths below the work dir begin
            with :data:`WORK_DIR`, so that the same loop elsewhere is the same loop.
        inputs: For each role, the stage whose outputs are used.
        cheap: Takes seconds, so that it is made anew without asking when what it depends on has changed.
    """

    name: str
    kind: str
    round: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    cheap: bool = False


WORK_DIR = "{work_dir}"
"""Stands for the work dir in settings."""


def settings_digest(stage: Stage) -> str:
    """SHA-256 of what a stage is, whatever comes in."""
    return digest({"kind": stage.kind, "settings": stage.settings, "inputs": stage.inputs})


def stage_key(stage: Stage, outputs: Mapping[str, str]) -> str:
    """SHA-256 of all that the result of a stage depends on.

    Args:
        stage: The stage.
        outputs: For each stage that it takes something from, the digest of what that has left.

    Raises:
        KeyError: One of them is missing.
    """
    return digest({"stage": settings_digest(stage), "inputs": {role: outputs[s] for role, s in stage.inputs.items()}})


def dependents(stages: Sequence[Stage], names: Iterable[str]) -> list[str]:
    """Some stages and all that use, directly or through others, what they leave; in the order of the plan."""
    found = set(names)
    for stage in stages:
        if found & set(stage.inputs.values()):
            found.add(stage.name)
    return [stage.name for stage in stages if stage.name in found]


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Where two plain values differ, a line each: ``'config.train_cfg.max_iters: 300 -> 400'``."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        lines = []
        for key in sorted(old.keys() | new.keys()):
            inner = f"{path}.{key}" if path else str(key)
            if key not in old or key not in new:
                lines.append(f"{inner}: {'added' if key in new else 'removed'}")
            else:
                lines += differences(old[key], new[key], inner)
        return lines
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            line
            for place, pair in enumerate(zip(old, new, strict=True))
            for line in differences(*pair, f"{path}.{place}")
        ]
    return [] if old == new else [f"{path}: {_short(old)} -> {_short(new)}"]


def digest(value: Any) -> str:
    """SHA-256 of a plain value."""
    return hashlib.sha256(to_json(plain(value))).hexdigest()


def plain(value: Any) -> Any:
    """A config's value as JSON knows it: tuples become lists; classes and functions, as configs in pure Python have
    them, their names; numbers that are not finite, texts."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if inspect.isclass(value) or inspect.isroutine(value):
        return f"{value.__module__}.{value.__qualname__}"
    return fspath(value) if isinstance(value, PathLike) else repr(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
