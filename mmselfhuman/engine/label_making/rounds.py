"""A round of pseudo-labels from a set of clips, by one process or by many."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from logging import INFO, WARNING
from typing import Any, ClassVar, Protocol

import numpy as np
from mmengine.dist import all_gather_object, barrier, get_dist_info
from mmengine.logging import print_log

from mmselfhuman.engine.label_making.progress import Progress
from mmselfhuman.engine.label_making.reading import UnusableClipError, announced_length, damaged_frames
from mmselfhuman.engine.label_making.sharding import shards
from mmselfhuman.pseudo_labels import PseudoLabelStore, RoundReader, RoundWriter
from mmselfhuman.structures import Clip, PseudoLabel


class Signals(Protocol):
    """What tells about a round whether it can be trained on: a dataclass of numbers, readable as a text."""

    frames: int

    def scalars(self) -> dict[str, float]: ...


class Tally(Protocol):
    """Signals of a clip's labels, added up."""

    def read(self, signals: Mapping[str, Any]) -> None:
        """Count the ``provenance['signals']`` of one label."""


class Maker(Protocol):
    """Clips to labels, of any kind.

    Attributes:
        tally_type: Adds up the signals of its labels.
        guard_type: Refuses, by raising ``CollapsedLabelsError``, rounds that are not fit to be trained on.
        identity: JSON-able; makers of one identity make the same labels of the same predictions.
    """

    tally_type: ClassVar[Callable[[], Tally]]
    guard_type: ClassVar[Callable[[], Callable[[Any], None]]]
    identity: dict

    def __call__(
        self, clip: Clip, predictor: Any, previous: Callable[[int], np.ndarray | None]
    ) -> Iterator[PseudoLabel]: ...

    def summarise(self, tallies: Mapping[str, Any]) -> Signals: ...


@dataclass(frozen=True)
class RoundReport:
    """What came of a round.

    Attributes:
        number: Of the round.
        signals: Of its labels.
        skipped: Clips that could not be read to their end, and why.
        damaged: How many frames could not be decoded, for each labelled clip that has such.
        resumed: How many clips an interrupted process had finished already.
        seconds: How long it took.
    """

    number: int
    signals: Signals
    skipped: dict[str, str]
    damaged: dict[str, int]
    resumed: int
    seconds: float

    def summary(self) -> dict:
        """JSON-able, and the same whoever made the round, and how often they were interrupted."""
        return {"signals": asdict(self.signals), "skipped": self.skipped, "damaged_frames": self.damaged}

    def scalars(self) -> dict[str, float]:
        """For curves."""
        return {
            **self.signals.scalars(),
            "skipped_clips": len(self.skipped),
            "damaged_frames": sum(self.damaged.values()),
        }

    def __str__(self) -> str:
        parts = [f"round {self.number} of pseudo-labels: {self.signals}"]
        if self.resumed:
            parts.append(f"{self.resumed} clips were there already")
        if self.skipped:
            reasons = "; ".join(f"{name} ({reason})" for name, reason in list(self.skipped.items())[:3])
            parts.append(f"{len(self.skipped)} clips skipped: {reasons}{' ...' if len(self.skipped) > 3 else ''}")
        if self.damaged:
            parts.append(f"{sum(self.damaged.values())} damaged frames in {len(self.damaged)} clips left out")
        parts.append(f"{self.seconds:.1f} s, {self.signals.frames / max(self.seconds, 1e-9):.1f} frames/s")
        return "; ".join(parts)


def make_round(
    store: PseudoLabelStore,
    number: int,
    videos: Sequence[Clip],
    predictor: Any,
    maker: Maker,
    guard: Callable[[Any], None] | None = None,
    provenance: dict | None = None,
) -> RoundReport:
    """Label all clips and commit the round. In a distributed run, every rank calls this with the same arguments.

    Clips are dealt out to ranks; each is labelled by one, so that its labels do not depend on how many there are. Clips
    that an interrupted call with the same arguments has finished are not made again. A clip that cannot be read to its
    end is left out and reported.

    Args:
        store: Where to.
        number: Of the round. Later rounds are taken back. Agreement is measured with the round before, if it is there.
        videos: The clips.
        predictor: Says what is in a frame; with an ``identity``.
        maker: Makes labels of that.
        guard: Refuses labels that are not fit to be trained on; the maker's own kind if ``None``.
        provenance: What else the labels depend on, JSON-able.

    Raises:
        CollapsedLabelsError: The labels have collapsed, or there are none. The round is not committed then.
    """
    start = time.monotonic()
    rank, ranks = get_dist_info()
    identity = {**(provenance or {}), "maker": maker.identity, "predictor": predictor.identity}
    writer = store.begin_round(number, identity)
    before = store.read(number - 1) if number - 1 in store.rounds() else None
    lengths = [announced_length(clip) for clip in videos]
    mine = shards(lengths, ranks)[rank]
    frames = None if None in lengths else sum(lengths[index] for index in mine)
    title = f"pseudo-labels, round {number}" + (f", one of {ranks} shares" if ranks > 1 else "")
    outcome = _Outcome(maker.tally_type)
    with Progress(title, frames, show=rank == 0).running() as progress:
        for index in mine:
            clip = videos[index]
            if writer.has(clip.name):
                outcome.read_back(clip.name, writer)
                continue
            previous = _Previous(before, clip.name)
            labels = outcome.counted(videos, clip.name, maker(clip, predictor, previous), progress)
            try:
                writer.write_clip(clip.name, labels)
            except UnusableClipError as error:
                outcome.skip(clip.name, str(error))
    everything = _Outcome(maker.tally_type)
    for part in all_gather_object(outcome):
        everything.merge(part)
    report = everything.report(number, maker, time.monotonic() - start)
    print_log(str(report), "current", WARNING if report.skipped or report.damaged else INFO)
    (guard or maker.guard_type())(report.signals)
    if rank == 0:
        writer.commit(report.summary(), sorted(everything.tallies))
    barrier()
    return report


@dataclass
class _Outcome:
    """What a rank has made, and tells the others."""

    tally_type: Callable[[], Tally]
    tallies: dict[str, Tally] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    damaged: dict[str, int] = field(default_factory=dict)
    resumed: int = 0

    def counted(
        self, videos: Sequence[Clip], name: str, labels: Iterator[PseudoLabel], progress: Progress
    ) -> Iterator[PseudoLabel]:
        """Labels on their way to the store; the last one tells how many frames of the clip are damaged."""
        last = None
        for label in labels:
            if last is not None:
                yield last
            self._count(name, label)
            progress.advance()
            last = label
        damaged = damaged_frames(videos, name)  # known when the clip has been read to its end
        last = replace(last, provenance={**last.provenance, "damaged_frames": damaged})
        self._note_damage(name, last)
        yield last

    def read_back(self, name: str, writer: RoundWriter) -> None:
        """Take the signals of a clip that was finished before an interruption."""
        self.resumed += 1
        for label in writer.clip(name):
            self._count(name, label)
            self._note_damage(name, label)

    def skip(self, name: str, reason: str) -> None:
        """Leave out a clip, whatever has been labelled of it."""
        self.skipped[name] = reason
        self.tallies.pop(name, None)

    def merge(self, other: "_Outcome") -> None:
        self.tallies.update(other.tallies)
        self.skipped.update(other.skipped)
        self.damaged.update(other.damaged)
        self.resumed += other.resumed

    def report(self, number: int, maker: Maker, seconds: float) -> RoundReport:
        return RoundReport(
            number=number,
            signals=maker.summarise(self.tallies),
            skipped=dict(sorted(self.skipped.items())),
            damaged=dict(sorted(self.damaged.items())),
            resumed=self.resumed,
            seconds=seconds,
        )

    def _count(self, name: str, label: PseudoLabel) -> None:
        self.tallies.setdefault(name, self.tally_type()).read(label.provenance["signals"])

    def _note_damage(self, name: str, label: PseudoLabel) -> None:
        if label.provenance.get("damaged_frames"):
            self.damaged[name] = label.provenance["damaged_frames"]


class _Previous:
    """The labels of one clip in the round before, asked for in the order of their frames."""

    def __init__(self, before: RoundReader | None, name: str) -> None:
        self._labels = before.clip(name) if before is not None and name in before.clips else iter(())
        self._held: PseudoLabel | None = next(self._labels, None)

    def __call__(self, frame: int) -> np.ndarray | None:
        while self._held is not None and self._held.frame < frame:
            self._held = next(self._labels, None)
        return self._held.semantic if self._held is not None and self._held.frame == frame else None
