"""Reading configs with the mistakes caught that MMEngine would carry on with.

A Runner ignores top-level keys that it does not know, because configs keep their variables there; and ``--cfg-options``
adds a key that does not exist. So a misspelt key is silently without effect. Here it is an error that names the key.
"""

import inspect
import re
import warnings
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from mmengine.config import Config

# Two names closer than this are taken for one name and its misspelling. Of the 374 names that the configs of mmseg,
# mmdet and mmpose define besides the Runner's, none is that close to one of those without being read by its config.
_SIMILARITY = 0.8

# Read from a config's top level by tools, model wrappers and hooks; not parameters of the Runner.
_READ_ELSEWHERE = (
    "compile",
    "custom_imports",
    "find_unused_parameters",
    "model_wrapper_cfg",
    "runner_type",
    "sync_bn",
    "strategy",
    "tta_model",
    "tta_pipeline",
)


class ConfigError(ValueError):
    """A config, or an override of one, that cannot mean what it says."""


def load_config(path: str | Path, options: dict | None = None) -> Config:
    """Read a config file and override some of its values.

    Args:
        path: The config file.
        options: Values by dotted path, as ``--cfg-options`` gives them: ``{'train_dataloader.batch_size': 2}``; list
            items by index. A path may add a key that the config lacks, unless a key beside it is so similar that the
            new one can only be a misspelling.

    Raises:
        FileNotFoundError: If there is no such config file.
        ConfigError: If a key of the config or of ``options`` is misspelt, or an index of ``options`` is out of range.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"config file not found: {path}")
    config = Config.fromfile(path)
    check_keys(config)
    if options:
        for key in options:
            _check_override(config, key)
        config.merge_from_dict(options)
    return config


def check_keys(config: Config) -> None:
    """Find misspelt top-level keys.

    A key is taken for misspelt if it resembles a parameter of the Runner, and nothing in the config reads it.

    Raises:
        ConfigError: If there are any; it names each and what was probably meant.
    """
    mistakes = []
    for key in config.keys() - _top_level_keys() - getattr(config, "_imported_names", set()):
        meant = get_close_matches(key, _runner_keys(), n=1, cutoff=_SIMILARITY)
        if meant and not _is_read(key, config.text):
            mistakes.append(f"'{key}' (did you mean '{meant[0]}'?)")
    if mistakes:
        raise ConfigError(f"unknown top-level key in {config.filename}: {', '.join(sorted(mistakes))}")


def _runner_keys() -> set[str]:
    from mmengine.runner import Runner

    return set(inspect.signature(Runner).parameters)


def _top_level_keys() -> set[str]:
    return _runner_keys() | set(_READ_ELSEWHERE)


def _is_read(name: str, text: str) -> bool:
    """Whether ``name`` occurs in the sources other than where it is assigned at the start of a line."""
    uses = len(re.findall(rf"\b{re.escape(name)}\b", text))
    return uses > len(re.findall(rf"^{re.escape(name)}\s*=", text, flags=re.MULTILINE))


def _check_override(config: Config, path: str) -> None:
    top, *rest = path.split(".")
    known = _top_level_keys()
    option = f"--cfg-options {path}"
    if top not in config:
        if top not in known:
            raise ConfigError(f"{option}: no key '{top}' in {config.filename}{_hint(top, known | set(config))}")
        return
    if top not in known:
        warnings.warn(
            f"{option}: '{top}' is a variable of the config. What was computed from it when the file was read stays as "
            f"it is; override that as well, or set '{top}' in a config file.",
            stacklevel=3,
        )
    node, seen = config[top], top
    for key in rest:
        if isinstance(node, list | tuple):
            if not key.isdigit() or int(key) >= len(node):
                raise ConfigError(f"{option}: '{seen}' is a list of {len(node)} items and has no item '{key}'")
            node = node[int(key)]
        elif isinstance(node, dict):
            if key not in node:
                hint = _hint(key, node)
                if hint:
                    raise ConfigError(f"{option}: no key '{key}' in '{seen}'{hint}")
                return
            node = node[key]
        else:
            raise ConfigError(f"{option}: '{seen}' is {node!r} and has no key '{key}'")
        seen += f".{key}"


def _hint(key: str, candidates: Iterable[str]) -> str:
    meant = get_close_matches(key, [name for name in candidates if isinstance(name, str)], n=1, cutoff=_SIMILARITY)
    return f" (did you mean '{meant[0]}'?)" if meant else ""
