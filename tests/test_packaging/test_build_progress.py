"""One line of progress out of a compiler's log."""

import io

import pytest
from build_progress import BuildProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_rate_and_time_left_count_from_the_first_finished_file(clock):
    out = io.StringIO()
    progress = BuildProgress("ops", out, clock, quiet=0)
    progress.feed("  [1/61] c++ -MMD a.cpp\n")
    clock.now += 120
    progress.feed("  [21/61] c++ -MMD b.cpp\n")
    assert out.getvalue() == "  ops: 1 of 61 files\n  ops: 21 of 61 files, 10.0 per minute, about 4 min left\n"


def test_everything_that_is_not_a_step_is_silent():
    out = io.StringIO()
    progress = BuildProgress("ops", out)
    for line in ("Collecting numpy\n", "a.cpp:[3/4] warning\n", "[notice] x\n", "[1/2]\n", "\n"):
        progress.feed(line)
    assert out.getvalue() == ""


def test_a_log_gets_the_first_the_last_and_one_line_per_quiet_period(clock):
    out = io.StringIO()
    progress = BuildProgress("ops", out, clock, quiet=30)
    for done in range(1, 11):
        progress.feed(f"[{done}/10] c++\n")
        clock.now += 12
    shown = [int(line.split()[1]) for line in out.getvalue().splitlines()]
    assert shown == [1, 4, 7, 10]


def test_a_terminal_gets_one_line_rewritten_in_place(clock):
    out = Terminal()
    progress = BuildProgress("ops", out, clock)
    progress.feed("[1/2] c++\n")
    progress.feed("[2/2] c++\n")
    assert "\n" not in out.getvalue()
    progress.close()
    assert out.getvalue().count("\r") == 2
    assert out.getvalue().endswith("\n")


def test_a_second_extension_starts_its_own_count(clock):
    out = io.StringIO()
    progress = BuildProgress("ops", out, clock, quiet=0)
    progress.feed("[5/5] c++\n")
    clock.now += 60
    progress.feed("[1/20] c++\n")
    assert out.getvalue().splitlines()[-1] == "  ops: 1 of 20 files"
