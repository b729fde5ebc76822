"""The modules of the package as their sources show them, without importing any."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "mmselfhuman"


@dataclass(frozen=True)
class Import:
    """What a module imports.

    Attributes:
        name: The module; the package it is in if it cannot be told from a name in it.
        lazy: Inside a function, or for type checkers only.
    """

    name: str
    lazy: bool

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    paths = [path for path in (ROOT / PACKAGE).rglob("*.py") if not {"_base_", ".mim"} & set(path.parts)]
    return {_dotted(path): path for path in sorted(paths)}


def inside(module: str) -> str:
    """The name of a module of ours without the package's."""
    return module.removeprefix(PACKAGE).removeprefix(".")


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imports(module: str) -> tuple[Import, ...]:
    """What a module of the package imports, ours and others'."""
    return tuple(_imports(parse(modules()[module]), lazy=False))


def _imports(node: ast.AST, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, lazy) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "modules are imported by their full names"
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                yield Import(whole if whole in modules() else child.module, lazy)
        else:
            later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            checked = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            yield from _imports(child, lazy or later or checked)


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
