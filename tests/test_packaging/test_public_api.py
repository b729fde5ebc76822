"""What users may call has types on every argument and a docstring."""

import ast
from collections.abc import Iterator

from modules import inside, modules, parse

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _public(module: str) -> Iterator[tuple[str, Function, bool]]:
    """Public functions and methods of a module: a name for messages, the function, whether it is a method."""
    for node in parse(modules()[module]).body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield f"{inside(module)}.{node.name}", node, False
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for child in node.body:
                if isinstance(child, Function) and (not child.name.startswith("_") or child.name == "__init__"):
                    yield f"{inside(module)}.{node.name}.{child.name}", child, True


def _untyped(function: Function, is_method: bool) -> list[str]:
    arguments = function.args
    names = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    is_static = any(ast.unparse(decorator) == "staticmethod" for decorator in function.decorator_list)
    taken = names[1:] if is_method and not is_static else names
    lacking = [argument.arg for argument in taken if argument is not None and argument.annotation is None]
    return lacking + (["return"] if function.returns is None else [])


def test_every_public_function_is_typed() -> None:
    lacking = {
        name: missing
        for module in modules()
        for name, function, is_method in _public(module)
        if (missing := _untyped(function, is_method))
    }
    assert lacking == {}


def test_every_public_function_and_class_says_what_it_is() -> None:
    silent = [
        name
        for module in modules()
        for name, function, is_method in _public(module)
        if not is_method and ast.get_docstring(function) is None
    ]
    for module in modules():
        classes = (node for node in parse(modules()[module]).body if isinstance(node, ast.ClassDef))
        silent += [
            f"{inside(module)}.{node.name}" for node in classes if not (node.name[0] == "_" or ast.get_docstring(node))
        ]
    assert silent == []
