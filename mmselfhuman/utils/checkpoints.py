"""Finding the checkpoint that a killed training goes on from."""

import zipfile
from pathlib import Path


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
