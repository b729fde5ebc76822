"""Pseudo-labels on disk: rounds that exist entirely or not at all, written clip by clip, read by many."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from mmselfhuman.pseudo_labels.clip_file import FORMAT_VERSION, ClipFile, write_clip_file
from mmselfhuman.pseudo_labels.files import CLIP_SUFFIX, PseudoLabelError, check_video_name, replacing, sweep, to_json
from mmselfhuman.pseudo_labels.frame_images import FrameImages
from mmselfhuman.pseudo_labels.manifest import MANIFEST, clip_entry, read_manifest, seal
from mmselfhuman.pseudo_labels.maps import MAX_STRIDE
from mmselfhuman.pseudo_labels.reader import RoundReader
from mmselfhuman.pseudo_labels.records import check_label
from mmselfhuman.structures import PseudoLabel


class PseudoLabelStore:
    """A folder of pseudo-labels.

    .. code-block:: none

        frames/{video}/{frame:08d}-{checksum}.jpg     pixels, once for all rounds
        rounds/{round:06d}/clips/{video}.zip          labels of one clip
        rounds/{round:06d}/manifest.json              lists the clips and their checksums; with it, the round exists

    Several processes may write different clips of a round; one of them then commits the round. Any number may read
    committed rounds meanwhile. The same labels give the same bytes, whoever wrote them and in whatever order.

    Args:
        root: The folder; need not exist.
        image_format: How pixels are kept, ``'jpg'`` or ``'png'``.
        jpeg_quality: From 1 to 100.
        confidence_stride: Confidence is kept for squares of this side, in pixels; 1 keeps every pixel's.

    Raises:
        ValueError: A setting is out of range.
    """

    def __init__(
        self,
        root: str | os.PathLike,
        image_format: str = "jpg",
        jpeg_quality: int = 95,
        confidence_stride: int = 4,
    ) -> None:
        if image_format not in ("jpg", "png"):
            raise ValueError(f"image_format is {image_format!r}, expected 'jpg' or 'png'")
        if not 1 <= jpeg_quality <= 100:
            raise ValueError(f"jpeg_quality is {jpeg_quality}, expected 1 to 100")
        if not 1 <= confidence_stride <= MAX_STRIDE:
            raise ValueError(f"confidence_stride is {confidence_stride}, expected 1 to {MAX_STRIDE} pixels")
        self.root = Path(root)
        self.confidence_stride = confidence_stride
        self.images = FrameImages(self.root / "frames", image_format, jpeg_quality)
        self._rounds = self.root / "rounds"

    def rounds(self) -> list[int]:
        """Numbers of the rounds that are committed, ascending."""
        return sorted(number for number in self._numbers() if (self._folder(number) / MANIFEST).exists())

    def latest_round(self) -> int | None:
        """The highest committed round, ``None`` if there is none. Takes some microseconds: may be asked for every
        sample."""
        commit = self.latest_commit()
        return None if commit is None else commit[0]

    def latest_commit(self) -> tuple[int, int, int] | None:
        """The highest committed round and what tells its commit from another of the same number; as quick as
        :meth:`latest_round`."""
        for number in sorted(self._numbers(), reverse=True):
            try:
                status = os.stat(f"{self._rounds}/{number:06d}/{MANIFEST}")
            except FileNotFoundError:
                continue
            return number, status.st_ino, status.st_mtime_ns
        return None

    def read(self, number: int | None = None) -> RoundReader:
        """Open a committed round.

        Args:
            number: Of the round; ``None`` for the latest.

        Raises:
            PseudoLabelError: There is no such round, or its manifest is damaged.
        """
        chosen = self.latest_round() if number is None else number
        if chosen is None or not (self._folder(chosen) / MANIFEST).exists():
            asked = "a round" if number is None else f"round {number}"
            raise PseudoLabelError(f"{self.root} has not {asked} of pseudo-labels; committed are {self.rounds()}")
        return RoundReader(self._folder(chosen), self.images)

    def begin_round(self, number: int, provenance: dict) -> "RoundWriter":
        """Start, or go on with, the making of a round. Every process that writes clips calls this.

        The round, if it was committed with another provenance, and all later rounds stop being committed: they were
        made from what is replaced now. What killed writers left half written is deleted.

        Args:
            number: From 0.
            provenance: Who makes the round and from what, as plain values that JSON knows. Clips that are there with
                the same provenance count as done.

        Raises:
            ValueError: ``number`` is negative, or ``provenance`` holds NaN.
            TypeError: ``provenance`` holds something that JSON does not know.
        """
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise ValueError(f"rounds are numbered from 0, got {number!r}")
        writer = RoundWriter(self, self._folder(number), number, json.loads(to_json(provenance)))
        self.rewind(number)
        writer.resume()
        return writer

    def rewind(self, number: int | None) -> None:
        """Take back the commit of all rounds after ``number`` (all rounds if ``None``).

        Their clips stay until they are written anew or pruned: a round that is made again with the same provenance
        finds them done. A training run that is resumed from a checkpoint before those rounds calls this.
        """
        for later in sorted(self._numbers(), reverse=True):
            if number is None or later > number:
                (self._folder(later) / MANIFEST).unlink(missing_ok=True)

    def prune(self, keep: int) -> list[int]:
        """Delete the labels of all rounds before the last committed ones; pixels stay.

        Args:
            keep: How many rounds to keep, at least 1.

        Returns:
            The numbers of the rounds that were deleted.

        Raises:
            ValueError: ``keep`` is not positive.
        """
        if keep < 1:
            raise ValueError(f"keep is {keep}, expected at least 1 round")
        kept = self.rounds()[-keep:]
        deleted = [number for number in sorted(self._numbers()) if kept and number < kept[0]]
        for number in deleted:
            # Without its manifest it does not exist, however far the rest gets.
            (self._folder(number) / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(self._folder(number))
        return deleted

    def _numbers(self) -> list[int]:
        try:
            names = os.listdir(self._rounds)
        except FileNotFoundError:
            return []
        return [int(name) for name in names if name.isdecimal()]

    def _folder(self, number: int) -> Path:
        return self._rounds / f"{number:06d}"


class RoundWriter:
    """Writes the clips of one round; made by :meth:`PseudoLabelStore.begin_round`."""

    def __init__(self, store: PseudoLabelStore, folder: Path, number: int, provenance: dict) -> None:
        self.number, self.provenance = number, provenance
        self._store, self._folder = store, folder
        self._header = {"format": FORMAT_VERSION, "round": number, "provenance": provenance}

    def resume(self) -> None:
        """Tidy up after killed writers, and take back a commit that was made with another provenance."""
        sweep(self._folder)
        sweep(self._store.images.folder)
        manifest = self._folder / MANIFEST
        if manifest.exists():
            try:
                same = read_manifest(manifest)["provenance"] == self.provenance
            except PseudoLabelError:
                same = False
            if not same:
                manifest.unlink(missing_ok=True)

    def has(self, video: str) -> bool:
        """Whether a clip is there, whole, with the provenance of this round."""
        path = self._path(video)
        return path.exists() and self._is_ours(ClipFile(path, self._store.images.folder), video)

    def clip(self, video: str) -> Iterator[PseudoLabel]:
        """The labels of a clip that is there, in order, without maps: what killed writers had to say about it.

        Raises:
            PseudoLabelError: The clip's file is missing or damaged.
        """
        file = ClipFile(self._path(video), self._store.images.folder)
        return (file.read_without_maps(frame) for frame in file.header()["frames"])

    def write_clip(self, video: str, labels: Iterable[PseudoLabel]) -> None:
        """Write the labels of one clip, as they come; the clip is there when all have come.

        Args:
            video: Name of the clip: a relative path without suffix.
            labels: In the order of their frames.

        Raises:
            ValueError: The name leads out of the store, frames are not in order, or a label is not as
                :class:`~mmselfhuman.structures.PseudoLabel` says.
            OSError: Something cannot be written, e.g. for want of space; nothing is left of the clip then.
        """
        path = self._path(video)
        header = {**self._header, "video": video}
        keep = partial(self._store.images.keep, video)
        write_clip_file(path, header, self._checked(video, labels), keep, self._store.confidence_stride)

    def commit(self, summary: dict | None = None, videos: Sequence[str] | None = None) -> RoundReader:
        """Make the round exist. One process calls this when all clips are written and nobody writes any more.

        Args:
            summary: What is to be said about the round as a whole, as plain values that JSON knows.
            videos: The clips that make up the round; ``None`` takes all that are there with this round's provenance.
                Other clip files are deleted.

        Raises:
            PseudoLabelError: A clip of ``videos`` is not there, or there is none at all.
            OSError: The manifest cannot be written.
        """
        sweep(self._folder, also_living=True)
        present = {video: entry for video, entry in self._clips() if videos is None or video in set(videos)}
        missing = sorted(set(videos or ()) - present.keys())
        if missing or not present:
            lacking = f"it lacks {len(missing)} clips, the first is {missing[0]}" if missing else "it has no clip"
            raise PseudoLabelError(f"round {self.number} in {self._store.root} cannot be committed: {lacking}")
        content = {**self._header, "summary": summary or {}, "clips": [present[video] for video in sorted(present)]}
        with replacing(self._folder / MANIFEST) as file:
            file.write(seal(content))
        for path in self._clip_paths():
            if self._video(path) not in present:
                path.unlink()
        return self._store.read(self.number)

    def _clips(self) -> Iterable[tuple[str, dict]]:
        for path in self._clip_paths():
            clip, video = ClipFile(path, self._store.images.folder), self._video(path)
            if self._is_ours(clip, video):
                yield video, clip_entry(path, video, clip.header())

    def _clip_paths(self) -> list[Path]:
        return sorted((self._folder / "clips").rglob(f"*{CLIP_SUFFIX}"))

    def _video(self, path: Path) -> str:
        return path.relative_to(self._folder / "clips").as_posix().removesuffix(CLIP_SUFFIX)

    def _path(self, video: str) -> Path:
        return self._folder / "clips" / f"{check_video_name(video)}{CLIP_SUFFIX}"

    def _is_ours(self, clip: ClipFile, video: str) -> bool:
        expected = {**self._header, "video": video, "confidence_stride": self._store.confidence_stride}
        try:
            clip.check()
            header = clip.header()
        except PseudoLabelError:
            return False
        return all(header.get(key) == value for key, value in expected.items())

    def _checked(self, video: str, labels: Iterable[PseudoLabel]) -> Iterator[PseudoLabel]:
        last = -1
        for label in labels:
            check_label(label, f"label of frame {label.frame} of {video}")
            if label.frame <= last:
                raise ValueError(f"frames of {video} must ascend, got {label.frame} after {last}")
            last = label.frame
            yield label
