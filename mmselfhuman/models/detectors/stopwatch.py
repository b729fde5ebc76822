"""How long each part of a pipeline takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch


@dataclass
class Stopwatch:
    """Seconds by part, added up over calls.

    Each second belongs to one part: what is timed inside another part is not counted there.

    Attributes:
        seconds: By name of the part, in the order in which parts were first timed.
        frames: How many frames went through.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    frames: int = 0
    _inner: list[float] = field(default_factory=list, repr=False)

    @contextmanager
    def __call__(self, part: str, device: torch.device | str = "cpu") -> Iterator[None]:
        """Time what happens inside; a GPU's work is waited for, so that it is counted where it was asked for."""
        on_gpu = torch.device(device).type == "cuda"
        if on_gpu:
            torch.cuda.synchronize(device)
        start = time.perf_counter()
        self._inner.append(0.0)
        try:
            yield
        finally:
            if on_gpu:
                torch.cuda.synchronize(device)
            spent = time.perf_counter() - start
            self.seconds[part] = self.seconds.get(part, 0.0) + spent - self._inner.pop()
            if self._inner:
                self._inner[-1] += spent

    def reset(self) -> None:
        """Begin anew."""
        self.seconds.clear()
        self.frames = 0

    def table(self) -> str:
        """A line per part: milliseconds per frame and share; last the sum, and frames per second."""
        total, frames = sum(self.seconds.values()), max(self.frames, 1)
        width = max((len(part) for part in self.seconds), default=0)
        lines = [
            f"{part:<{width}} {1000 * spent / frames:9.1f} ms/frame {spent / total if total else 0:6.1%}"
            for part, spent in self.seconds.items()
        ]
        rate = self.frames / total if total else 0.0
        return "\n".join([*lines, f"{self.frames} frames in {total:.1f} s: {rate:.2f} frames/s"])
