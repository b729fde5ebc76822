"""Joining predictions with ground truth by file name, however each side spells the path."""

from collections import defaultdict
from collections.abc import Iterable


class ImageNames:
    """Finds the image of the ground truth that a prediction is about.

    A prediction's path may carry folders that the ground truth does not know (``/data/ochuman/images/a.jpg`` for
    ``a.jpg``), or lack folders that it does know (``a.jpg`` for ``images/a.jpg``). Ids cannot serve: OCHuman's range
    files number their images anew.

    Args:
        file_names: The ground truth's.
    """

    def __init__(self, file_names: Iterable[str]) -> None:
        self._names = {_parts(name): name for name in file_names}
        self._by_last = defaultdict(list)
        for parts in self._names:
            self._by_last[parts[-1]].append(parts)

    def find(self, path: str) -> str | None:
        """The ground truth's spelling of the image at ``path``; ``None`` if it has no such image.

        Raises:
            ValueError: Several images fit equally well.
        """
        parts = _parts(path)
        for start in range(len(parts)):
            if parts[start:] in self._names:
                return self._names[parts[start:]]
        fitting = [known for known in self._by_last[parts[-1]] if known[-len(parts) :] == parts]
        if len(fitting) > 1:
            raise ValueError(
                f"predictions on {path!r} could be about {self._names[fitting[0]]!r} or {self._names[fitting[1]]!r}; "
                "the file name has to tell them apart"
            )
        return self._names[fitting[0]] if fitting else None


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in str(path).replace("\\", "/").split("/") if part not in ("", "."))
