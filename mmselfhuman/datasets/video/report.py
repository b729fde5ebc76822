"""What could not be read of a set of videos, told once and kept for later."""

from collections.abc import Iterable
from dataclasses import dataclass, field

_SHOWN = 3


@dataclass(frozen=True)
class SkippedPath:
    """A path that gave no clip."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} ({self.reason})"


@dataclass
class ReadingReport:
    """Whole videos and single frames that were skipped.

    Reading a clip again adds nothing unless other frames fail. Each process of a data loader has a report of its own.

    Attributes:
        skipped: Files and folders that gave no clip, found when the set was put together.
        damaged: Per clip name, the frames that could not be decoded so far: frame index -> what to call it in a
            message.
    """

    skipped: list[SkippedPath] = field(default_factory=list)
    damaged: dict[str, dict[int, str]] = field(default_factory=dict)

    @property
    def num_damaged_frames(self) -> int:
        """Frames that could not be decoded, over all clips read so far."""
        return sum(len(frames) for frames in self.damaged.values())

    def add_damage(self, clip: str, frames: dict[int, str]) -> bool:
        """Count damaged frames of a clip; tells whether any of them is new."""
        known = self.damaged.setdefault(clip, {}) if frames else {}
        new = frames.keys() - known.keys()
        known.update(frames)
        return bool(new)

    def __str__(self) -> str:
        if not self.skipped and not self.damaged:
            return "nothing was skipped"
        parts = []
        if self.skipped:
            parts.append(f"skipped {_count(len(self.skipped), 'path')}: {first_few(self.skipped)}")
        if self.damaged:
            clips = first_few(f"{name} ({len(frames)})" for name, frames in self.damaged.items())
            parts.append(f"{_count(self.num_damaged_frames, 'frame')} could not be decoded, in: {clips}")
        return "; ".join(parts)


def first_few(culprits: Iterable[object]) -> str:
    """The first culprits by name, and how many more there are."""
    names = [str(culprit) for culprit in culprits]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
