"""Remember what an environment was made from, so that the next command can see at once that nothing is to be done."""

import hashlib
import json
import re
from pathlib import Path


def venv_version(venv: Path) -> tuple[int, ...]:
    """The Python of a virtual environment, e.g. ``(3, 11, 7)``, read without starting it; empty if unknown."""
    try:
        text = (venv / "pyvenv.cfg").read_text()
    except FileNotFoundError:
        return ()
    found = re.search(r"^version(?:_info)? = (\d+)\.(\d+)\.(\d+)", text, re.MULTILINE)
    return tuple(map(int, found.groups())) if found else ()


class Stamp:
    """A file in ``clone/.venv`` that holds the fingerprint of everything the environment depends on.

    Args:
        clone: The clone. Its place counts too: the editable install and the scripts in ``.venv/bin`` hold it.
    """

    def __init__(self, clone: Path) -> None:
        self._clone = clone
        self._file = clone / ".venv" / "mmselfhuman-setup.json"

    def is_current(self) -> bool:
        """Whether the environment was completed, from the sources as they are now."""
        try:
            return json.loads(self._file.read_text()) == self._fingerprint()
        except (FileNotFoundError, json.JSONDecodeError):
            return False

    def write(self) -> None:
        """Say that the environment is complete."""
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text(json.dumps(self._fingerprint()))
        temporary.replace(self._file)

    def remove(self) -> None:
        """Say that the environment is being changed."""
        self._file.unlink(missing_ok=True)

    def _fingerprint(self) -> dict[str, str]:
        clone = self._clone
        scripts = [clone / "quickstart" / f"{name}.py" for name in ("environment", "native_wheel", "torch_build")]
        sources = [*sorted((clone / "requirements").glob("*.txt")), *scripts]
        sources += [clone / "setup.py", clone / "mmselfhuman" / "version.py"]
        digest = hashlib.sha256()
        for path in sources:
            digest.update(f"{path.relative_to(clone)}\0".encode() + path.read_bytes() + b"\0")
        python = ".".join(map(str, venv_version(clone / ".venv")))
        return {"sources": digest.hexdigest(), "clone": str(clone), "python": python}
