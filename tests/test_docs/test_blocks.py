"""Every command and snippet of the guides is run here, or says why it is not."""

import itertools
import multiprocessing
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pages import Block, blocks, pages
from users_folder import build, in_folder, run_command, run_snippet

pytest.importorskip("mmseg")
pytest.importorskip("mmpose")

LANGUAGES = {"bash", "python"}
_PATIENCE = 120
MARK = re.compile(r"<!-- not run in CI: (\S.{7,}\S) -->")


def _reason(block: Block) -> str | None:
    found = MARK.fullmatch(block.above)
    return found and found[1]


RUN = [block for block in blocks() if block.language in LANGUAGES and _reason(block) is None]


def test_blocks_are_of_languages_that_are_run_or_are_no_code() -> None:
    assert {block.language for block in blocks()} <= LANGUAGES | {"", "bibtex"}


def test_most_guides_have_something_that_is_run() -> None:
    assert len({block.page for block in RUN}) >= 10


def test_marks_stand_above_blocks() -> None:
    marks = sum(len(re.findall(r"^<!-- not run in CI", text, re.MULTILINE)) for text in pages().values())
    assert marks == sum(_reason(block) is not None for block in blocks())


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Acts in a process that has the libraries already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mmselfhuman.engine.self_training.preload"])
    logs = (tmp_path_factory.mktemp("logs") / f"{number}.txt" for number in itertools.count())

    def run(folder: Path, act: Callable, *arguments: object) -> None:
        log = next(logs)
        child = context.Process(target=in_folder, args=(folder, log, act, *arguments))
        child.start()
        child.join(_PATIENCE)
        if child.is_alive():
            child.terminate()
            child.join()
        assert child.exitcode == 0, log.read_text()[-3000:]

    return run


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, process: Callable) -> Path:
    folder = tmp_path_factory.mktemp("user")
    process(folder, build, folder)
    return folder


@pytest.mark.parametrize("block", RUN, ids=lambda block: f"{block.page}:{block.line}")
def test_it_runs(block: Block, inputs: Path, process: Callable, tmp_path: Path) -> None:
    shutil.copytree(inputs, tmp_path, symlinks=True, dirs_exist_ok=True)
    if block.language == "python":
        process(tmp_path, run_snippet, block.text, block.page)
        return
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.partition("#")[0].strip():
            process(tmp_path, run_command, line)
