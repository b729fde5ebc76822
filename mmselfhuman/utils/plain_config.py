"""Reading a config that came with a file, without running it."""

import ast
import re
from typing import Any

from mmengine.config import Config

from mmselfhuman.utils.config import ConfigError

_COMPONENT = re.compile(r"(mm[a-z]+\.)?[A-Za-z_]\w*")


def plain_config(text: str, origin: str) -> Config:
    """A config as MMEngine writes it into checkpoints: assignments of plain values, which are read rather than run.

    Args:
        text: Its text.
        origin: What to call it in messages.

    Raises:
        ConfigError: It is anything else, or a ``type`` in it is not the name of a component of an OpenMMLab library,
            alone or after the library's (MMEngine would import whatever else is named).
    """
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"{origin} is no config: {error}") from error
    values = {}
    for statement in statements:
        targets = statement.targets if isinstance(statement, ast.Assign) else ()
        if len(targets) != 1 or not isinstance(targets[0], ast.Name):
            raise ConfigError(f"{origin} does more than assign values, in line {statement.lineno}")
        values[targets[0].id] = _value(statement.value, origin)
    return Config(values)


def _value(node: ast.expr, origin: str) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "dict" and not node.args and all(item.arg for item in node.keywords):
            return _checked({item.arg: _value(item.value, origin) for item in node.keywords}, origin)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
        return kind(_value(item, origin) for item in node.elts)
    elif isinstance(node, ast.Dict) and None not in node.keys:
        pairs = zip(node.keys, node.values, strict=True)
        return _checked({_value(key, origin): _value(value, origin) for key, value in pairs}, origin)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError) as error:
        raise ConfigError(f"{origin} has something else than a plain value in line {node.lineno}") from error


def _checked(values: dict, origin: str) -> dict:
    kind = values.get("type")
    if isinstance(kind, str) and not _COMPONENT.fullmatch(kind):
        raise ConfigError(f"{origin} names {kind!r} as a type, which is no component of an OpenMMLab library")
    return values
