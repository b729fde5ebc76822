"""The guides as data: links, paths, commands and snippets, each with the page and line where it stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(
    r"(?:python3?|pytest|bash|sh)? ?(?<!\w)(?P<script>(?:tools|demo|projects)/[\w./-]+\.(?:py|sh))(?P<rest>[^`\n]*)"
)


@dataclass(frozen=True)
class Found:
    """Something in a page.

    Attributes:
        page: Relative to the root.
        line: From 1.
        text: What was found.
    """

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: Relative to the root.
        line: Of its first line, from 1.
        language: As written behind the fence, ``''`` if there is none.
        text: What is in it.
        above: The line above its fence.
    """

    page: str
    line: int
    language: str
    text: str
    above: str


@cache
def pages() -> dict[str, str]:
    """Every page that users read, by its path."""
    patterns = ("*.md", "docs/*.md", "configs/*/README.md", "projects/**/README.md", "requirements/README.md")
    paths = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def matches(pattern: str) -> Iterator[Found]:
    """Whatever a regular expression's first group finds in any page."""
    for page, text in pages().items():
        for match in re.finditer(pattern, text):
            yield Found(page, text.count("\n", 0, match.start()) + 1, match[1])


@cache
def blocks() -> list[Block]:
    """All fenced blocks."""
    found = []
    for page, text in pages().items():
        for match in _FENCE.finditer(text):
            before = text[: match.start()]
            above = before.rstrip("\n").rpartition("\n")[2] if not before.endswith("\n\n") else ""
            found.append(Block(page, before.count("\n") + 2, match["language"], match["text"], above))
    return found


def snippets(language: str) -> Iterator[Found]:
    """Fenced blocks in a language."""
    return (Found(block.page, block.line, block.text) for block in blocks() if block.language == language)


def commands() -> Iterator[tuple[Found, str, list[str]]]:
    """Calls of scripts: where, which script, and the options that are given to it."""
    for page, text in pages().items():
        joined = text.replace("\\\n", "  ")  # as long as it was
        for match in _COMMAND.finditer(joined):
            rest = re.split(r"[|;&#]| {2,}#", match["rest"])[0]
            options = re.findall(r"(?<![\w-])(--[a-z][\w-]*)", rest)
            yield Found(page, joined.count("\n", 0, match.start()) + 1, match[0].strip()), match["script"], options
