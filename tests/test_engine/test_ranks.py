"""Ranks that carry out stages together, as threads with a store in memory."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from torch.distributed import HashStore

from mmselfhuman.engine.self_training.loop import StageFailedError
from mmselfhuman.engine.self_training.ranks import Ranks
from mmselfhuman.engine.self_training.stages import Stage

STAGE = Stage("seg.pretrain", "train", 0, {})


class _GoneStore(HashStore):
    """Its host has ended."""

    def add(self, key: str, amount: int) -> int:
        raise RuntimeError("Connection reset by peer")


class _Follower(threading.Thread):
    """A rank other than 0.

    Attributes:
        failure: What it ended with.
    """

    def __init__(self, ranks: Ranks) -> None:
        super().__init__(daemon=True)
        self._ranks, self.failure = ranks, None
        self.start()

    def run(self) -> None:
        try:
            self._ranks.follow()
        except StageFailedError as error:
            self.failure = str(error)


def _nothing(*_: object) -> None:
    pass


def _fail(message: str, after: threading.Event | None = None) -> Callable[..., None]:
    def carry_out(*_: object) -> None:
        assert after is None or after.wait(20)
        raise StageFailedError(message)

    return carry_out


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")


def test_all_carry_out_the_same_stage_on_the_same_port_in_the_same_order() -> None:
    store, done = HashStore(), {0: [], 1: [], 2: []}

    def note(rank: int) -> Callable[..., None]:
        return lambda stage, folder, inputs, variables: done[rank].append((stage, folder, variables["MASTER_PORT"]))

    first, *others = [Ranks(rank, 3, store, note(rank)) for rank in range(3)]
    threads = [_Follower(ranks) for ranks in others]
    for name in ("a", "b"):
        first(STAGE, Path(name), {})
    first.dismiss()
    for thread in threads:
        thread.join(20)
    assert [(stage, folder) for stage, folder, _ in done[0]] == [(STAGE, Path("a")), (STAGE, Path("b"))]
    assert done[1] == done[2] == done[0]


def test_rank_0_goes_only_when_one_that_is_late_has_heard_that_there_is_no_more() -> None:
    store, heard = HashStore(), threading.Event()
    first, late = Ranks(0, 2, store, _nothing, patience=20), Ranks(1, 2, store, lambda *_: time.sleep(1) or heard.set())
    thread = _Follower(late)
    first(STAGE, Path("a"), {})
    first.dismiss()
    assert heard.is_set()
    thread.join(20)
    assert thread.failure is None


def test_all_say_what_failed_first_and_nobody_fails_at_parting() -> None:
    store, failed = HashStore(), threading.Event()
    first = Ranks(0, 2, store, _fail("Connection closed by peer", after=failed), patience=20)
    thread = _Follower(Ranks(1, 2, store, _fail("out of memory")))
    threading.Thread(target=lambda: (thread.join(), failed.set()), daemon=True).start()
    with pytest.raises(StageFailedError) as caught:
        first(STAGE, Path("a"), {})
    started = time.monotonic()
    first.dismiss()
    assert time.monotonic() - started < 10  # it has gone, and is not waited for
    assert str(caught.value) == thread.failure == "rank 1 of 2: out of memory"


def test_a_rank_that_was_killed_is_not_waited_for_for_ever() -> None:
    started = time.monotonic()
    Ranks(0, 2, HashStore(), _nothing, patience=0.2).dismiss()
    assert 0.2 <= time.monotonic() - started < 10


def test_others_end_with_a_word_when_rank_0_is_gone() -> None:
    thread = _Follower(Ranks(1, 2, _GoneStore(), _nothing))
    thread.join(20)
    assert thread.failure == "rank 1 ends, for rank 0 is gone, which says why"
