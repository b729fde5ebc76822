"""What tells, without any ground truth, whether a set of labels can be trained on."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mmselfhuman.evaluation.video_masks import region_similarity
from mmselfhuman.structures import UNSURE

_AVERAGED = ("network", "previous", "stability", "unreliable")


class CollapsedLabelsError(RuntimeError):
    """A set of labels that training on would only make worse."""


@dataclass(frozen=True)
class FrameSignals:
    """Signals of one frame's label; they travel in its provenance.

    Attributes:
        classes: Pixels of each class that occurs, without the unsure ones; keys are texts, as JSON has it.
        ignored: Unsure pixels.
        foreground: Pixels of the refined mask that are not background, unsure or not.
        network: IoU of the refined mask with the network's own.
        previous: IoU with the label of the round before, where both are sure; ``None`` if there is none.
        stability: Temporal stability towards the next frame; ``None`` for the last.
        unreliable: Share of flow vectors to the next frame, and back, that linked different labels; ``None`` for the
            last frame, and if flow is not refined.
    """

    classes: dict[str, int]
    ignored: int
    foreground: int
    network: float
    previous: float | None
    stability: float | None
    unreliable: float | None

    def as_json(self) -> dict[str, Any]:
        """JSON-able, rounded to what is significant."""
        values = asdict(self)
        return {key: round(value, 6) if isinstance(value, float) else value for key, value in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "FrameSignals":
        """From what :meth:`as_json` made."""
        return cls(**values)


@dataclass(frozen=True)
class RoundSignals:
    """Signals of a round: means over all frames, shares of all pixels.

    Attributes:
        clips, frames: How many were labelled.
        empty: Share of frames in which there is nothing but background.
        foreground: Share of pixels that are not background, of those that are sure.
        largest_class: Share of the most frequent class, of the pixels that are sure.
        ignored: Share of unsure pixels.
        network: IoU of the refined masks with the network's own.
        previous: IoU with the labels of the round before; ``None`` if there are none.
        stability, unreliable: See :class:`FrameSignals`; ``None`` if no frame has any.
    """

    clips: int
    frames: int
    empty: float
    foreground: float
    largest_class: float
    ignored: float
    network: float
    previous: float | None
    stability: float | None
    unreliable: float | None

    def scalars(self) -> dict[str, float]:
        """Those that are numbers, for logs and curves."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    def __str__(self) -> str:
        shares = {
            "foreground": self.foreground,
            "empty frames": self.empty,
            "ignored pixels": self.ignored,
            "temporal stability": self.stability,
            "unreliable flow": self.unreliable,
            "agreement with the network": self.network,
            "agreement with the last round": self.previous,
        }
        parts = [f"{name} {_percent(share)}" for name, share in shares.items() if share is not None]
        return ", ".join([f"{self.frames} frames of {self.clips} clips", *parts])


@dataclass
class Tally:
    """Signals added up, so that ranks tell each other little: a tally per clip.

    Attributes:
        frames, empty: How many frames, and how many of them have nothing but background.
        ignored: Unsure pixels.
        classes: Pixels of each class.
        sums, counts: Of the signals that some frames lack, by name.
    """

    frames: int = 0
    empty: int = 0
    ignored: int = 0
    classes: Counter = field(default_factory=Counter)
    sums: Counter = field(default_factory=Counter)
    counts: Counter = field(default_factory=Counter)

    def add(self, signals: FrameSignals) -> None:
        """Count a frame."""
        self.frames += 1
        self.empty += not signals.foreground
        self.ignored += signals.ignored
        self.classes.update(signals.classes)
        for name in _AVERAGED:
            if getattr(signals, name) is not None:
                self.sums[name] += getattr(signals, name)
                self.counts[name] += 1

    def read(self, signals: Mapping[str, Any]) -> None:
        """Count a frame by what :meth:`FrameSignals.as_json` made of its signals."""
        self.add(FrameSignals.from_json(signals))

    def merge(self, other: "Tally") -> None:
        """Count the frames of another tally."""
        self.frames += other.frames
        self.empty += other.empty
        self.ignored += other.ignored
        for name in ("classes", "sums", "counts"):
            getattr(self, name).update(getattr(other, name))

    def mean(self, name: str) -> float | None:
        return self.sums[name] / self.counts[name] if self.counts[name] else None


def summarise(clips: Mapping[str, Tally], background: int | None) -> RoundSignals:
    """Put the clips' signals together; in which order they came does not matter.

    Args:
        clips: The tally of every labelled clip, by its name.
        background: The class that is nobody; ``None`` if all are somebody.

    Raises:
        CollapsedLabelsError: There is no frame.
    """
    total = Tally()
    for _, tally in sorted(clips.items()):  # sums of floats depend on their order
        total.merge(tally)
    if not total.frames:
        raise CollapsedLabelsError("no frame was labelled: no clip could be read")
    sure = sum(total.classes.values())
    return RoundSignals(
        clips=len(clips),
        frames=total.frames,
        empty=total.empty / total.frames,
        foreground=1 - total.classes[str(background)] / sure if sure else 0.0,
        largest_class=max(total.classes.values()) / sure if sure else 0.0,
        ignored=total.ignored / (sure + total.ignored),
        **{name: total.mean(name) for name in _AVERAGED},
    )


@dataclass(frozen=True)
class CollapseGuard:
    """When labels are not fit to be trained on.

    Attributes:
        largest_class: No class may have more than this share of the pixels that are sure: all background, or all
            person.
        ignored: No more than this share of pixels may be unsure.
    """

    largest_class: float = 0.999
    ignored: float = 0.95

    def __post_init__(self) -> None:
        for name in ("largest_class", "ignored"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a share in (0, 1], got {getattr(self, name)}")

    def __call__(self, signals: RoundSignals) -> None:
        """Let labels pass.

        Raises:
            CollapsedLabelsError: They have collapsed; the message has the numbers.
        """
        complaint = None
        if signals.ignored > self.ignored:
            complaint = (
                f"{_percent(signals.ignored)} of all pixels are ignored (limit {_percent(self.ignored)}): the "
                "network is hardly ever sure, or the threshold of confidence is too high for it"
            )
        elif signals.largest_class > self.largest_class:
            what = "background" if signals.foreground < 0.5 else "one and the same foreground class"
            complaint = (
                f"{_percent(signals.largest_class)} of the pixels that are not ignored are {what} (limit "
                f"{_percent(self.largest_class)}): train the network longer, or start it from a checkpoint"
            )
        if complaint:
            raise CollapsedLabelsError(f"the labels have collapsed and are not trained on: {complaint}. {signals}")


def agreement(label: np.ndarray, other: np.ndarray, background: int | None) -> float:
    """IoU of the foregrounds of two label maps where both are sure; 1 if both are empty there.

    Args:
        label, other: ``(H, W)`` uint8, with ``UNSURE``.
        background: See :func:`summarise`.

    Raises:
        ValueError: They are not of one size.
    """
    if label.shape != other.shape:
        raise ValueError(f"labels of {label.shape} and {other.shape} pixels cannot be compared")
    sure = (label != UNSURE) & (other != UNSURE)
    return region_similarity(foreground(label, background) & sure, foreground(other, background) & sure)


def foreground(label: np.ndarray, background: int | None) -> np.ndarray:
    """``(H, W)`` bool: what is not background; everything if no class is."""
    return np.ones(label.shape, dtype=bool) if background is None else label != background


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"
