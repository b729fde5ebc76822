"""One process at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock file ``path`` for the duration of the block.

    The kernel drops the lock when its holder ends, however it ends, so an interrupted set-up never blocks the next one.

    Args:
        path: The lock file, made if need be; its folder must exist.
        waiting: What to tell the user while another process holds the lock.
    """
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(waiting, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
