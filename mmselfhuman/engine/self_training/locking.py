"""One loop at a time in a work dir."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmselfhuman.engine.self_training.ledger import LedgerError


@contextmanager
def exclusive(path: Path, wait: bool = False) -> Iterator[None]:
    """Hold a lock file for a while. The kernel drops the lock when its holder ends, however it ends.

    Does nothing on systems without ``flock``.

    Args:
        path: Made if need be; its folder must exist.
        wait: For another process to let go, rather than raise.

    Raises:
        LedgerError: Another process holds it.
        OSError: The file cannot be written.
    """
    with path.open("a+") as file:
        if os.name == "posix":
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                file.seek(0)
                raise LedgerError(
                    f"{path.parent} is in use by another process ({file.read().strip() or 'unknown'}): wait for it, "
                    "stop it, or give another --work-dir"
                ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()}\n")
        file.flush()
        yield
