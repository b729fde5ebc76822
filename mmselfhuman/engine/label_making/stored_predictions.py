"""Predictions that lie on disk already, made by any network whatever."""

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmselfhuman.models.tpr import logits_from_labels
from mmselfhuman.structures import MAX_PIXELS, Frame

SUFFIXES = (".npz", ".png")


class StoredPredictions:
    """Logits or masks from files: ``folder/<name of the clip>/<number of the frame>.npz`` or ``.png``.

    Frames are numbered from 0 in the undecimated video; leading zeros do not matter. An NPZ holds ``logits``,
    ``(K, h, w)`` before softmax, of any resolution. Instead of its folder, a clip may have one file
    ``folder/<name of the clip>.npz`` with the ``logits`` of all its frames, ``(T, K, h, w)``, and, unless they are the
    first T, their numbers as ``frames``, ``(T,)``. A PNG holds one label per pixel (grey or palette); a pixel whose
    value is no class, such as 255, says nothing. Masks of one object are often stored as 0 and 255: give
    ``foreground=True`` for them, and whatever is not 0 is class 1.

    Args:
        folder: Where the clips' folders lie.
        num_classes: K.
        foreground: PNGs hold masks rather than labels.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: Fewer than two classes, or more than two for masks.
    """

    def __init__(self, folder: str | Path, num_classes: int = 2, foreground: bool = False) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"no such folder of predictions: {self.folder}")
        if num_classes < 2:
            raise ValueError(f"num_classes: expected at least 2, got {num_classes}")
        if foreground and num_classes != 2:
            raise ValueError(f"num_classes: masks of a foreground have 2 classes, got {num_classes}")
        self.num_classes = num_classes
        self.foreground = foreground
        self.identity = {"predictions": self._listing(), "num_classes": num_classes, "foreground": foreground}
        self._clip: str | None = None
        self._found: dict[int, Path | np.ndarray] = {}

    def covers(self, clip: str) -> bool:
        """Whether there is anything for a clip."""
        return (self.folder / clip).is_dir() or (self.folder / f"{clip}.npz").is_file()

    def __call__(self, clip: str, frames: Sequence[Frame]) -> list[Tensor]:
        """Read the predictions for some frames.

        Raises:
            ValueError: There is nothing for the clip or for a frame, or a file is not as described.
        """
        if clip != self._clip:
            whole = self.folder / f"{clip}.npz"
            self._found, self._clip = (self._read_clip(whole) if whole.is_file() else self._find(clip)), clip
        return [self._read(clip, frame) for frame in frames]

    def _listing(self) -> str:
        """A digest of the files' names and sizes: what other predictions would differ in."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES:
                digest.update(f"{path.relative_to(self.folder).as_posix()}\n{path.stat().st_size}\n".encode())
        return digest.hexdigest()

    def _find(self, clip: str) -> dict[int, Path | np.ndarray]:
        folder = self.folder / clip
        if not folder.is_dir():
            raise ValueError(f"no predictions for clip {clip}: no such folder: {folder}, and no file {folder}.npz")
        files: dict[int, Path | np.ndarray] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() not in SUFFIXES:
                continue
            if not path.stem.isdecimal():
                raise ValueError(f"{path}: expected the number of a frame as its name, such as 00012{path.suffix}")
            number = int(path.stem)
            if number in files:
                raise ValueError(f"two predictions for frame {number} of clip {clip}: {files[number]} and {path}")
            files[number] = path
        return files

    def _read_clip(self, path: Path) -> dict[int, Path | np.ndarray]:
        content = self._read_npz(path)
        logits = content["logits"]
        if logits.ndim != 4 or logits.shape[1] != self.num_classes or logits.dtype.kind != "f":
            raise ValueError(
                f"{path}: expected floating logits of shape (T, {self.num_classes}, h, w), "
                f"got {logits.dtype} {logits.shape}"
            )
        frames = content.get("frames", np.arange(len(logits)))
        if frames.shape != logits.shape[:1] or frames.dtype.kind not in "iu" or len(np.unique(frames)) < len(frames):
            raise ValueError(
                f"{path}: expected frames to be {len(logits)} different numbers, got {frames.dtype} {frames.shape}"
            )
        return dict(zip(frames.tolist(), logits, strict=True))

    def _read(self, clip: str, frame: Frame) -> Tensor:
        found = self._found.get(frame.index)
        if found is None:
            place = self.folder / clip
            lacking = f"{place} lacks {frame.index:05d}.npz and {frame.index:05d}.png"
            raise ValueError(
                f"no prediction for frame {frame.index} of clip {clip}: "
                f"{lacking if place.is_dir() else f'{place}.npz lacks it'}"
            )
        if isinstance(found, np.ndarray):
            return torch.from_numpy(found.astype(np.float32))
        return self._read_logits(found) if found.suffix.lower() == ".npz" else self._read_labels(found)

    def _read_logits(self, path: Path) -> Tensor:
        logits = self._read_npz(path)["logits"]
        if logits.ndim != 3 or len(logits) != self.num_classes or logits.dtype.kind != "f":
            raise ValueError(
                f"{path}: expected floating logits of shape ({self.num_classes}, h, w), "
                f"got {logits.dtype} {logits.shape}"
            )
        return torch.from_numpy(logits.astype(np.float32))

    def _read_npz(self, path: Path) -> dict[str, np.ndarray]:
        """The arrays ``logits`` and, if it is there, ``frames``."""
        try:
            with np.load(path, allow_pickle=False) as content:
                _refuse_bomb(content.zip, self.num_classes)
                names = content.files
                found = {name: content[name] for name in ("logits", "frames") if name in names}
        except Exception as error:  # numpy, zipfile and zlib have one of their own each for a damaged file
            raise ValueError(f"{path} cannot be read: {error}") from error
        if "logits" not in found:
            raise ValueError(f"{path} must hold an array 'logits', it holds {', '.join(names) or 'nothing'}")
        return found

    def _read_labels(self, path: Path) -> Tensor:
        from PIL import Image

        try:
            with Image.open(path) as image:
                labels = np.asarray(image)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"{path} cannot be decoded: {error}") from error
        if labels.ndim != 2:
            raise ValueError(f"{path} must hold one label per pixel (grey or palette), not {labels.shape[2]} channels")
        labels = (labels != 0) if self.foreground else labels
        return logits_from_labels(torch.from_numpy(labels.astype(np.int64))[None], self.num_classes)[0]


def _refuse_bomb(archive: zipfile.ZipFile, num_classes: int) -> None:
    """Look at what an archive says about its size before it is unpacked: doubles at a quarter of the largest image's
    sides."""
    largest = max((entry.file_size for entry in archive.infolist()), default=0)
    if largest > 8 * num_classes * MAX_PIXELS // 16:
        raise ValueError(f"an array in it has {largest} bytes")
