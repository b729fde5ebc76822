"""What the guides say exists, does."""

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest
from pages import ROOT, Found, commands, matches, pages, snippets

# Paths of other repositories that pages name.
ELSEWHERE = {"configs/flownet2/flownet2_8xb1_sfine_flyingthings3d-subset-384x768.py"}
# Folders that building or installing makes.
MADE = {"mmselfhuman/.mim"}

PATH = r"(?<![\w/.$-])((?:configs|demo|docker|docs|mmselfhuman|projects|quickstart|requirements|tests|tools)/[\w./-]*)"


def test_links_lead_somewhere() -> None:
    broken = []
    for link in matches(r"\]\(([^)\s]+)\)"):
        target, _, anchor = link.text.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        path = (ROOT / link.page).parent / target if target else ROOT / link.page
        if not path.exists() or (anchor and anchor not in _anchors(path)):
            broken.append(str(link))
    assert broken == []


def _anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_paths_exist() -> None:
    named = [found for found in matches(PATH) if found.text.rstrip("./") not in ELSEWHERE | MADE]
    assert len(named) > 100
    assert [str(found) for found in named if not (ROOT / found.text.rstrip(".")).exists()] == []


def test_functions_and_classes_exist_where_pages_say() -> None:
    named = list(matches(r"((?:mmselfhuman|tests|projects)/[\w/]+\.py::\w+)"))
    assert len(named) > 60
    missing = []
    for found in named:
        path, _, name = found.text.partition("::")
        if not (ROOT / path).is_file() or name not in _defined(ROOT / path):
            missing.append(str(found))
    assert missing == []


def _defined(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.parametrize("equation", range(1, 11))
def test_the_page_of_the_method_names_every_equation(equation: int) -> None:
    rows = [line for line in pages()["docs/method.md"].splitlines() if re.search(rf"^\| [^|]*\({equation}\)", line)]
    assert any("::" in row for row in rows)


@pytest.mark.parametrize("snippet", snippets("python"), ids=lambda found: f"{found.page}:{found.line}")
def test_python_is_python(snippet: Found) -> None:
    ast.parse(snippet.text)


def test_names_that_snippets_import_are_there() -> None:
    missing = []
    for snippet in snippets("python"):
        for node in ast.walk(ast.parse(snippet.text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "mmselfhuman":
                there = _names(ROOT / Path(*node.module.split(".")))
                missing += [
                    f"{snippet.page}:{snippet.line}: {a.name}" for a in node.names if a.name not in there | {"*"}
                ]
    assert missing == []


def _names(module: Path) -> set[str]:
    """What a module defines or imports, without importing it."""
    path = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    names = {child.stem for child in module.glob("*")} if module.is_dir() else set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def test_components_that_pages_name_are_registered() -> None:
    from mmselfhuman import registry
    from mmselfhuman.utils import register_all_modules

    register_all_modules(init_default_scope=False)
    registered = {name for node in vars(registry).values() for name in getattr(node, "module_dict", ())}
    named = list(matches(r"type='mmselfhuman\.(\w+)'"))
    assert len(named) > 10
    assert [str(found) for found in named if found.text not in registered] == []


def _options(script: Path) -> set[str]:
    """The options of a script and of the modules beside it that it imports, read from their source; those of a loop
    over names are patterns."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("add_argument"):
            for argument in node.args:
                if isinstance(argument, ast.Constant):
                    found.add(re.escape(argument.value))
                elif isinstance(argument, ast.JoinedStr):
                    parts = [re.escape(p.value) if isinstance(p, ast.Constant) else r"\w+" for p in argument.values]
                    found.add("".join(parts))
        elif isinstance(node, ast.ImportFrom) and (beside := script.parent / f"{node.module}.py").is_file():
            found |= _options(beside)
    return found


def test_commands_name_scripts_and_options_that_exist() -> None:
    wrong, seen = [], 0
    for found, script, options in commands():
        path = ROOT / script
        if not path.is_file():
            wrong.append(f"{found} (no such script)")
        elif path.suffix == ".py" and options:
            known = _options(path) | {"--help"}
            wrong += [f"{found} ({o})" for o in options if not any(re.fullmatch(k, o) for k in known)]
            seen += 1
    assert seen > 25
    assert wrong == []


def test_every_guide_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), ["README.md"]
    while todo:
        page = todo.pop()
        if page in reached or page not in pages():
            continue
        reached.add(page)
        for target in re.findall(r"\]\(([^)#\s]+\.md)", pages()[page]):
            if "://" not in target:
                todo.append(((ROOT / page).parent / target).resolve().relative_to(ROOT).as_posix())
    assert set(pages()) - reached - {"CHANGELOG.md"} == set()


def test_examples_in_docstrings_are_true() -> None:
    with_examples = [
        path for path in (ROOT / "mmselfhuman").rglob("*.py") if ">>> " in path.read_text(encoding="utf-8")
    ]
    assert with_examples
    for path in with_examples:
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        assert doctest.testmod(module).failed == 0
