"""Random numbers that are the same everywhere: a counter hashed by integer arithmetic, never a library's generator.

NumPy may change the streams of its distributions between versions, and a generator's state depends on what was drawn
before. Here number ``n`` of a stream is the SplitMix64 finaliser (Steele, Lea & Flood, OOPSLA 2014) of the stream's key
plus ``n`` odd constants, so that a frame, a person or a lattice of noise can be had without what comes before it.
Floats are made from the upper 53 bits, exactly.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
Key = int | str

_WORD = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_UNIT = 2.0**-53


def _mix(word: int) -> int:
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)


def _fold(state: int, key: Key) -> int:
    if isinstance(key, str):
        state, number = _mix(state + 1), int.from_bytes(key.encode() + b"\1", "little")
    else:
        number = key
    while True:
        state = _mix((state ^ (number & _WORD)) + _GOLDEN & _WORD)
        number >>= 64
        if number in (0, -1):
            return state


class Stream:
    """A stream of random numbers named by keys.

    Args:
        *keys: Integers and strings; streams of different keys are unrelated.
    """

    def __init__(self, *keys: Key) -> None:
        state = len(keys)
        for key in keys:
            state = _fold(state, key)
        self._key = state
        self._count = 0

    def child(self, *keys: Key) -> "Stream":
        """The stream of these keys below this one; it does not depend on what was drawn from this one."""
        return Stream(self._key, *keys)

    def _word(self) -> int:
        self._count += 1
        return _mix((self._key + self._count * _GOLDEN) & _WORD)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A float in ``[low, high)``."""
        return low + (high - low) * ((self._word() >> 11) * _UNIT)

    def within(self, bounds: tuple[float, float]) -> float:
        """A float in ``[bounds[0], bounds[1])``."""
        return self.uniform(*bounds)

    def bell(self, spread: float) -> float:
        """A bell-shaped float around 0 with standard deviation ``spread``, never beyond 3.5 of them (12 - 6
        uniforms)."""
        return spread * (sum(self.uniform() for _ in range(12)) - 6.0)

    def chance(self, probability: float) -> bool:
        """``True`` with this probability."""
        return self.uniform() < probability

    def sign(self) -> int:
        """-1 or 1."""
        return 1 if self._word() & 1 else -1

    def integer(self, count: int) -> int:
        """An integer in ``[0, count)``."""
        return (self._word() * count) >> 64

    def choice(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.integer(len(options))]

    def weighted(self, options: Mapping[T, float]) -> T:
        """One of the keys, with probability proportional to its value."""
        rest = self.uniform(0.0, float(sum(options.values())))
        for option, weight in options.items():
            rest -= weight
            if rest < 0 and weight > 0:
                return option
        return max(options, key=lambda option: options[option])

    def words(self, *shape: int) -> np.ndarray:
        """An array of this shape, uint64, all bits random."""
        count = int(np.prod(shape))
        first = (self._key + (self._count + 1) * _GOLDEN) & _WORD
        self._count += count
        state = np.uint64(first) + np.arange(count, dtype=np.uint64) * np.uint64(_GOLDEN)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (state ^ (state >> np.uint64(31))).reshape(shape)

    def bytes(self, *shape: int) -> np.ndarray:
        """An array of this shape, int32 in ``[0, 256)``."""
        return (self.words(*shape) >> np.uint64(56)).astype(np.int32)

    def wander(self, times: np.ndarray, period: float) -> np.ndarray:
        """A smooth random function of time with values in [-1, 1].

        Values are drawn at multiples of ``period`` and joined by smooth steps; any time can be asked for on its own.

        Args:
            times: ``(F,)`` seconds.
            period: Seconds between two drawn values.
        """
        base = np.floor(times / period)
        phase = times / period - base
        phase = phase * phase * (3.0 - 2.0 * phase)
        before, after = ([self._at(int(knot) + step) for knot in base] for step in (0, 1))
        return np.asarray(before) * (1.0 - phase) + np.asarray(after) * phase

    def _at(self, knot: int) -> float:
        return (_mix(_fold(self._key, knot)) >> 11) * _UNIT * 2.0 - 1.0
