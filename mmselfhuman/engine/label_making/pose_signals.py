"""What tells, without any ground truth, whether a set of refined poses can be trained on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mmselfhuman.engine.label_making.signals import CollapsedLabelsError
from mmselfhuman.models.gbsr.clip import JointAction, RefinedPerson

COUNTED = ("persons", "learned", "recovered_persons", "dropped_persons", "kept", "moved", "swapped", "recovered")


def pose_signals(detected: int, refined: Sequence[RefinedPerson], learned: int) -> dict[str, int]:
    """The signals of one frame, JSON-able.

    Args:
        detected: How many persons the network found.
        refined: The persons after refinement.
        learned: How many of them are trained on.
    """
    actions = np.array([person.actions for person in refined], dtype=int)
    whole = sum(person.source is None for person in refined)
    return {
        "persons": len(refined),
        "learned": learned,
        "recovered_persons": whole,
        "dropped_persons": detected - (len(refined) - whole),
        "kept": int((actions == JointAction.KEPT).sum()),
        "moved": int((actions == JointAction.MOVED).sum()),
        "swapped": int((actions == JointAction.SWAPPED).sum()),
        "recovered": int((actions == JointAction.RECOVERED).sum()),
    }


@dataclass
class PoseTally:
    """Signals of a clip's frames, added up."""

    frames: int = 0
    empty: int = 0
    counts: Counter = field(default_factory=Counter)

    def read(self, signals: Mapping[str, Any]) -> None:
        """Count a frame."""
        self.frames += 1
        self.empty += not signals["learned"]
        self.counts.update({name: signals[name] for name in COUNTED})


@dataclass(frozen=True)
class PoseRoundSignals:
    """Signals of a round.

    Attributes:
        clips, frames: How many were labelled.
        empty: Share of frames without anybody to learn from.
        persons, learned: Per frame, after refinement; and how many of these are trained on.
        recovered_persons, dropped_persons: Per frame: missed ones brought back, false ones taken out.
        kept, moved, swapped, recovered: Shares of all joints that the refined persons have.
    """

    clips: int
    frames: int
    empty: float
    persons: float
    learned: float
    recovered_persons: float
    dropped_persons: float
    kept: float
    moved: float
    swapped: float
    recovered: float

    def scalars(self) -> dict[str, float]:
        """For logs and curves."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.frames} frames of {self.clips} clips, {self.persons:.2f} persons a frame of whom "
            f"{self.learned:.2f} are learned, frames without such {100 * self.empty:.2f}%, joints recovered "
            f"{100 * self.recovered:.2f}%, moved {100 * self.moved:.2f}%, swapped {100 * self.swapped:.2f}%"
        )


def summarise_poses(clips: Mapping[str, PoseTally]) -> PoseRoundSignals:
    """Put the clips' signals together.

    Raises:
        CollapsedLabelsError: There is no frame.
    """
    frames = sum(tally.frames for tally in clips.values())
    if not frames:
        raise CollapsedLabelsError("no frame was labelled: no clip could be read")
    counts = sum((tally.counts for tally in clips.values()), Counter())
    joints = max(sum(counts[name] for name in COUNTED[4:]), 1)
    return PoseRoundSignals(
        clips=len(clips),
        frames=frames,
        empty=sum(tally.empty for tally in clips.values()) / frames,
        **{name: counts[name] / frames for name in COUNTED[:4]},
        **{name: counts[name] / joints for name in COUNTED[4:]},
    )


@dataclass(frozen=True)
class PoseCollapseGuard:
    """When poses are not fit to be trained on.

    Attributes:
        empty: No more than this share of frames may have nobody to learn from.
    """

    empty: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.empty <= 1:
            raise ValueError(f"empty: expected a share in (0, 1], got {self.empty}")

    def __call__(self, signals: PoseRoundSignals) -> None:
        """Let labels pass.

        Raises:
            CollapsedLabelsError: They have collapsed; the message has the numbers.
        """
        if signals.empty > self.empty:
            raise CollapsedLabelsError(
                f"the labels have collapsed and are not trained on: {100 * signals.empty:.2f}% of the frames have no "
                f"person sure enough to learn from (limit {100 * self.empty:.2f}%): train the network longer, start it "
                f"from a checkpoint, or lower person_threshold. {signals}"
            )
