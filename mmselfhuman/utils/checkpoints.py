"""Finding the checkpoint that a killed training goes on from, and reading strangers'."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any


def checkpoint_to_resume(work_dir: str | Path) -> str | None:
    """The last whole checkpoint of a work dir.

    MMEngine notes it in the file ``last_checkpoint``, which a process that is killed at the wrong moment leaves empty,
    or naming a file that has been deleted to make room. Then it is the newest file that is whole.

    Returns:
        Its path, or ``None`` if there is none.
    """
    folder = Path(work_dir)
    note = folder / "last_checkpoint"
    noted = note.read_text().strip() if note.is_file() else ""
    if noted and Path(noted).exists():
        return noted
    saved = [*folder.glob("iter_*.pth"), *folder.glob("epoch_*.pth")]
    whole = [path for path in saved if zipfile.is_zipfile(path)]
    return str(max(whole, key=lambda path: path.stat().st_mtime_ns)) if whole else None


class UnsafeCheckpointError(ValueError):
    """A checkpoint holds more than tensors and plain values: what could run code when it is read."""


@contextmanager
def only_weights() -> Iterator[None]:
    """While the block runs, let no checkpoint be read that holds more than MMEngine's own checkpoints do.

    A checkpoint is a pickle, which may name any function to be called when it is read. MMEngine reads it in torch's
    safe mode first, but falls back to the unsafe one. In this block there is no fallback, in this process and those
    that it starts, whoever reads. Whoever has set torch's ``TORCH_FORCE_WEIGHTS_ONLY_LOAD`` decides instead: ``0`` lets
    everything pass. So does torch before 2.6, which cannot be told what MMEngine's checkpoints consist of.

    Raises:
        UnsafeCheckpointError: Something in the block has read such a checkpoint.
    """
    import torch

    decided = os.environ.get(_FORCE)
    if torch.__version__ < (2, 6) or decided in _NO or _FORCE_NOT in os.environ:
        yield
        return
    os.environ[_FORCE] = "1"
    try:
        with torch.serialization.safe_globals(_plain_types()):
            yield
    except UnpicklingError as error:
        told = str(error).strip().splitlines()
        raise UnsafeCheckpointError(
            f"a checkpoint was not read because it could run code, or is damaged: {' '.join(told[:1] + told[-1:])} "
            f"If you trust whoever wrote it, set {_FORCE}=0 in the environment"
        ) from error
    finally:
        if decided is None:
            del os.environ[_FORCE]


_FORCE, _FORCE_NOT = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
_NO = ("0", "n", "no", "false")


def _plain_types() -> list[Any]:
    """What MMEngine's checkpoints consist of beside tensors: logged numbers, and arrays of a dataset's meta data."""
    import numpy as np
    from mmengine.logging.history_buffer import HistoryBuffer

    codes = f"?U{np.typecodes['AllInteger']}{np.typecodes['Float']}"
    rebuild = [value.__reduce__()[0] for value in (np.zeros(1), np.float64(0))]
    # NumPy 2 has other names for them; a checkpoint may have been written with either.
    named = [(each, f"numpy.{core}.multiarray.{each.__name__}") for each in rebuild for core in ("core", "_core")]
    return [HistoryBuffer, getattr, slice, np.ndarray, np.dtype, *named, *{type(np.dtype(code)) for code in codes}]
