"""Writing annotation files: never over others unasked, and never half of one."""

import json
import os
from collections.abc import Mapping
from pathlib import Path


def write_json_files(folder: Path, files: Mapping[str, dict], overwrite: bool = False) -> list[Path]:
    """Write JSON files; a reader sees each either as it was or complete.

    Args:
        folder: Made if missing.
        files: Content by file name.
        overwrite: Replace files that exist.

    Returns:
        The paths written, in the order of ``files``.

    Raises:
        FileExistsError: Without ``overwrite``, if any of the files exists; nothing is written then.
        ValueError: A value is NaN or infinite, which JSON does not know.
    """
    paths = {folder / name: content for name, content in files.items()}
    existing = [str(path) for path in paths if path.exists()]
    if existing and not overwrite:
        raise FileExistsError(f"{', '.join(existing)}: exists already; pass --overwrite to replace it")
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in paths.items():
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            partial.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    return list(paths)
