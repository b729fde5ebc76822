"""The guides as data: links, paths, commands and snippets, each with the page and line where it stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(
    r"(?:python3?|pytest|bash|sh)? ?(?P<script>(?:tools|demo|projects)/[\w./-]+\.(?:py|sh))(?P<rest>[^`\n]*)"
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


def snippets(language: str) -> Iterator[Found]:
    """Fenced blocks in a language."""
    for page, text in pages().items():
        for match in _FENCE.finditer(text):
            if match["language"] == language:
                yield Found(page, text.count("\n", 0, match.start()) + 2, match["text"])


def commands() -> Iterator[tuple[Found, str, list[str]]]:
    """Calls of scripts: where, which script, and the options that are given to it."""
    for page, text in pages().items():
        joined = text.replace("\\\n", "  ")  # as long as it was
        for match in _COMMAND.finditer(joined):
            rest = re.split(r"[|;&#]| {2,}#", match["rest"])[0]
            options = re.findall(r"(?<![\w-])(--[a-z][\w-]*)", rest)
            yield Found(page, joined.count("\n", 0, match.start()) + 1, match[0].strip()), match["script"], options
