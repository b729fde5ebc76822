"""Reading a committed round."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from mmselfhuman.pseudo_labels.clip_file import ClipFile, file_digest
from mmselfhuman.pseudo_labels.files import CLIP_SUFFIX, PseudoLabelError
from mmselfhuman.pseudo_labels.frame_images import FrameImages
from mmselfhuman.pseudo_labels.manifest import MANIFEST, read_manifest
from mmselfhuman.structures import PseudoLabel

_KEPT_FILES = 16
"""Clip files whose directory stays in memory."""


class RoundReader(Sequence[PseudoLabel]):
    """The labels of one round: clips in the order of their names, frames in order within a clip.

    A clip file is compared with its checksum when this object first reads from it. May be pickled and forked.

    Args:
        folder: Of the round.
        images: Where its pixels are.

    Attributes:
        number: Of the round.
        provenance: Who made it and from what.
        summary: What the maker said about it as a whole.
        clips: Names of the videos.

    Raises:
        PseudoLabelError: The manifest is missing or damaged.
    """

    def __init__(self, folder: Path, images: FrameImages) -> None:
        manifest = read_manifest(folder / MANIFEST)
        self.number: int = manifest["round"]
        self.provenance: dict = manifest["provenance"]
        self.summary: dict = manifest["summary"]
        self._entries: list[dict] = manifest["clips"]
        self.clips: tuple[str, ...] = tuple(entry["video"] for entry in self._entries)
        self._ends = list(accumulate(len(entry["frames"]) for entry in self._entries))
        self._folder, self._images = folder, images
        self._checked: set[int] = set()
        self._open: OrderedDict[int, ClipFile] = OrderedDict()

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> PseudoLabel:
        """The label of a frame.

        Raises:
            IndexError: There is no such frame.
            PseudoLabelError: The file of its clip is missing or damaged; the message names it.
        """
        clip, place = self._place(index)
        return self._file(clip).read(self._entries[clip]["frames"][place])

    def without_maps(self, index: int) -> PseudoLabel:
        """As ``self[index]``, with ``semantic`` and ``confidence`` left out, which is faster."""
        clip, place = self._place(index)
        return self._file(clip).read_without_maps(self._entries[clip]["frames"][place])

    def key(self, index: int) -> tuple[str, int]:
        """Video and number of a frame; reads no file."""
        clip, place = self._place(index)
        return self.clips[clip], self._entries[clip]["frames"][place]

    def num_persons(self, index: int) -> int | None:
        """How many persons a frame has, ``None`` if its label says nothing about persons; reads no file."""
        clip, place = self._place(index)
        return self._entries[clip]["persons"][place]

    def clip(self, video: str) -> Iterator[PseudoLabel]:
        """The labels of one clip, in order.

        Raises:
            KeyError: The round has no such clip.
        """
        if video not in self.clips:
            raise KeyError(f"round {self.number} has no clip {video!r}; it has {len(self.clips)}")
        number = self.clips.index(video)
        return (self[index] for index in range(self._start(number), self._ends[number]))

    def num_bytes(self) -> dict[str, float]:
        """Bytes per frame: ``labels`` of this round, and ``pixels``, which all rounds share."""
        pixels = sum(Path(self.without_maps(index).image).stat().st_size for index in range(len(self)))
        return {
            "labels": sum(entry["bytes"] for entry in self._entries) / len(self),
            "pixels": pixels / len(self),
        }

    def verify(self) -> list[str]:
        """Read everything, pixels too.

        Returns:
            What is wrong with each missing or damaged file; empty if nothing is.
        """
        problems = []
        for clip, entry in enumerate(self._entries):
            try:
                self._checked.discard(clip)
                file = self._checked_file(clip)
                labels = [file.read(frame) for frame in entry["frames"]]
            except PseudoLabelError as error:
                problems.append(str(error))
                continue
            for label in labels:
                try:
                    self._images.check(Path(label.image))
                except PseudoLabelError as error:
                    problems.append(str(error))
        return problems

    def _place(self, index: int) -> tuple[int, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"round {self.number} has {len(self)} frames, asked for number {index}")
        index = int(index) % len(self)
        clip = bisect_right(self._ends, index)
        return clip, index - self._start(clip)

    def _start(self, clip: int) -> int:
        return self._ends[clip] - len(self._entries[clip]["frames"])

    def _file(self, clip: int) -> ClipFile:
        file = self._open.pop(clip, None) or self._checked_file(clip)
        self._open[clip] = file
        if len(self._open) > _KEPT_FILES:
            self._open.popitem(last=False)
        return file

    def _checked_file(self, clip: int) -> ClipFile:
        entry = self._entries[clip]
        path = self._folder / "clips" / f"{entry['video']}{CLIP_SUFFIX}"
        if clip not in self._checked:
            found = file_digest(path)
            if found != entry["sha256"]:
                raise PseudoLabelError(f"{path} is damaged: its SHA-256 is {found}, expected {entry['sha256']}")
            self._checked.add(clip)
        return ClipFile(path, self._images.folder)
