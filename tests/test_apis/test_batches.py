"""Batches are read while others are worked on; nothing is lost, doubled or swallowed."""

import threading
from collections.abc import Iterator

import pytest

from mmselfhuman.apis.batches import batches_ahead
from mmselfhuman.models.detectors import Stopwatch


@pytest.mark.parametrize(("count", "expected"), [(0, []), (3, [[0, 1], [2]]), (4, [[0, 1], [2, 3]])])
def test_items_come_once_and_in_order(count: int, expected: list[list[int]]) -> None:
    stopwatch = Stopwatch()
    assert list(batches_ahead(range(count), 2, stopwatch)) == expected
    assert list(stopwatch.seconds) == ["reading"]


def test_the_next_batch_is_read_meanwhile_and_no_other() -> None:
    read, fourth = [], threading.Event()

    def items() -> Iterator[int]:
        for number in range(9):
            read.append(number)
            if number == 3:
                fourth.set()
            yield number

    batches = batches_ahead(items(), 2, Stopwatch())
    assert next(batches) == [0, 1]
    assert fourth.wait(10)
    batches.close()
    assert read == [0, 1, 2, 3]


def test_an_error_of_the_items_comes_in_its_batchs_place() -> None:
    def items() -> Iterator[int]:
        yield from range(2)
        raise OSError("torn")

    batches = batches_ahead(items(), 2, Stopwatch())
    assert next(batches) == [0, 1]
    with pytest.raises(OSError, match="torn"):
        next(batches)
