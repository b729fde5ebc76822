"""Frames on their way to the networks."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from mmselfhuman.models.detectors.stopwatch import Stopwatch

T = TypeVar("T")


def batches_ahead(items: Iterable[T], size: int, stopwatch: Stopwatch) -> Iterator[list[T]]:
    """Batches of items that take a while to come; one is read while the one before it is worked on.

    Args:
        items: Iterated in another thread, never in two at a time.
        size: At most so many items a batch, of which two are in memory.
        stopwatch: Times, as reading, how long batches are waited for.

    Yields:
        All items in order. An error of ``items`` comes where its batch would.
    """
    items = iter(items)
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(list, islice(items, size))
        while True:
            with stopwatch("reading"):
                batch = coming.result()
            if not batch:
                return
            coming = thread.submit(list, islice(items, size))
            yield batch
