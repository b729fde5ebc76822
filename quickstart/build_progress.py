"""Turn the log of a long compilation into one line of progress."""

import re
import time
from collections.abc import Callable
from typing import TextIO

_NINJA_STEP = re.compile(r"^\s*\[(\d+)/(\d+)\] ")


class BuildProgress:
    """Reads ninja's ``[12/78] ...`` lines and shows how far the build is, how fast it goes and when it may end.

    On a terminal the line is rewritten in place; elsewhere (a CI log) a new one follows after ``quiet`` seconds.

    Args:
        title: What is being built.
        stream: Where to write.
        clock: Seconds from a monotonic clock.
        quiet: Least number of seconds between two lines when ``stream`` is not a terminal.
    """

    def __init__(
        self, title: str, stream: TextIO, clock: Callable[[], float] = time.monotonic, quiet: float = 30.0
    ) -> None:
        self._title = title
        self._stream = stream
        self._clock = clock
        self._quiet = quiet
        self._total = 0
        self._first: tuple[int, float] = (0, 0.0)
        self._last_shown = -quiet
        self._open_line = False

    def feed(self, line: str) -> None:
        """Take one line of the build's output."""
        if match := _NINJA_STEP.match(line):
            self._step(int(match[1]), int(match[2]))

    def close(self) -> None:
        """End the line that is being rewritten, if there is one."""
        if self._open_line:
            self._stream.write("\n")
            self._stream.flush()
            self._open_line = False

    def _step(self, done: int, total: int) -> None:
        now = self._clock()
        # A build with several extensions runs ninja once for each: another total, or a smaller count, is a new run.
        if total != self._total or done < self._first[0]:
            self._total, self._first = total, (done, now)
        text = f"  {self._title}: {done} of {total} files{self._forecast(done, now)}"
        if self._stream.isatty():
            self._stream.write(f"\r\x1b[K{text}")
            self._open_line = True
        elif done == total or now - self._last_shown >= self._quiet:
            self._stream.write(text + "\n")
            self._last_shown = now
        self._stream.flush()

    def _forecast(self, done: int, now: float) -> str:
        since_first = done - self._first[0]
        seconds = now - self._first[1]
        if since_first < 1 or seconds <= 0:
            return ""
        minutes_left = (self._total - done) * seconds / since_first / 60
        left = f"about {minutes_left:.0f} min left" if minutes_left >= 1 else "less than a minute left"
        return f", {60 * since_first / seconds:.1f} per minute, {left}"
