"""GBSR's refined poses as pseudo-labels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from mmselfhuman.datasets.sources.masks import box_to_rle
from mmselfhuman.engine.label_making.maker import plain_settings
from mmselfhuman.engine.label_making.pose_predictor import PosePredictor
from mmselfhuman.engine.label_making.pose_signals import (
    PoseCollapseGuard,
    PoseRoundSignals,
    PoseTally,
    pose_signals,
    summarise_poses,
)
from mmselfhuman.engine.label_making.reading import UnusableClipError, batches
from mmselfhuman.engine.label_making.weights import weights_digest
from mmselfhuman.models.flow.interface import FlowEstimator
from mmselfhuman.models.gbsr.clip import JointAction, RefinedPerson
from mmselfhuman.models.gbsr.motion import ClipMotion
from mmselfhuman.models.gbsr.places import HEARSAY
from mmselfhuman.models.gbsr.poses import person_score
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
from mmselfhuman.structures import Box, Clip, Frame, PseudoLabel, PseudoPerson

MARGIN = 0.1


@dataclass(frozen=True)
class PoseLabelMaker:
    """Clips to poses: frames through a predictor, poses through GBSR, those sure enough to be learned from.

    A person whose score (:func:`~mmselfhuman.models.gbsr.poses.person_score`) is below ``person_threshold`` is kept as
    a crowd: its surroundings are ignored, neither learned as a person nor as background. One whose score is below
    ``nobody_threshold`` is dropped: the network learns that nobody is there, as it does where it finds nobody.

    Attributes:
        refiner: GBSR.
        flow: Estimates the motion.
        person_threshold: In [0, 1].
        joint_threshold: Joints with a lower score count as not labelled. Recovered joints, whose score is a share
            :data:`~mmselfhuman.models.gbsr.places.HEARSAY` of their witnesses', are judged by these.
        nobody_threshold: In [0, ``person_threshold``].
        batch_size: Frames that go through the network together.
        segment: Clips are refined in parts of so many frames, which bounds the memory. Parts of 1 have no neighbours:
            poses stay as they were found.

    Raises:
        ValueError: A setting is out of its range.
    """

    tally_type: ClassVar[type[PoseTally]] = PoseTally
    guard_type: ClassVar[type[PoseCollapseGuard]] = PoseCollapseGuard

    refiner: GraphPoseRefiner
    flow: FlowEstimator
    person_threshold: float = 0.2
    joint_threshold: float = 0.15
    nobody_threshold: float = 0.03
    batch_size: int = 8
    segment: int = 128

    def __post_init__(self) -> None:
        for name in ("person_threshold", "joint_threshold", "nobody_threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a score in [0, 1], got {getattr(self, name)}")
        if self.nobody_threshold > self.person_threshold:
            raise ValueError(
                f"nobody_threshold: expected at most person_threshold, {self.person_threshold}, got "
                f"{self.nobody_threshold}"
            )
        for name, least in (("batch_size", 1), ("segment", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: expected at least {least}, got {getattr(self, name)}")

    @property
    def identity(self) -> dict:
        """JSON-able; makers of one identity make the same labels of the same poses."""
        extractor = self.refiner.extractor
        return {
            "refiner": plain_settings(self.refiner),
            "alpha": self.refiner.matcher.alpha,
            "extractor": weights_digest(extractor) if isinstance(extractor, nn.Module) else None,
            "flow": plain_settings(self.flow),
            "person_threshold": self.person_threshold,
            "joint_threshold": self.joint_threshold,
            "nobody_threshold": self.nobody_threshold,
            "batch_size": self.batch_size,
            "segment": self.segment,
        }

    def summarise(self, tallies: Mapping[str, PoseTally]) -> PoseRoundSignals:
        """The signals of a round, out of those of its clips."""
        return summarise_poses(tallies)

    def __call__(
        self, clip: Clip, predictor: PosePredictor, previous: Callable[[int], np.ndarray | None] = lambda frame: None
    ) -> Iterator[PseudoLabel]:
        """Label a clip.

        Args:
            clip: Read from its start, once.
            predictor: Of poses.
            previous: Not used: poses have no semantic map to compare with.

        Yields:
            A label per frame, in order; ``provenance`` has its signals, and for every person what was done to each
            joint.

        Raises:
            UnusableClipError: The clip cannot be read to its end, or has no frame.
        """
        frames: list[Frame] = []
        poses: list[np.ndarray] = []
        nothing, first_track = True, 0
        for batch in batches(clip, self.batch_size):
            nothing = False
            for frame, found in zip(batch, predictor(clip.name, batch), strict=True):
                if len(frames) == self.segment:
                    labels, first_track = self._labels(frames, poses, first_track)
                    yield from labels
                    frames, poses = [], []
                frames.append(frame)
                poses.append(found)
        if nothing:
            raise UnusableClipError("no frame of it can be read")
        yield from self._labels(frames, poses, first_track)[0]

    def _labels(
        self, frames: Sequence[Frame], poses: Sequence[np.ndarray], first_track: int
    ) -> tuple[list[PseudoLabel], int]:
        """The labels of a part of a clip, and the first track number of the next."""
        refined = self.refiner([frame.image for frame in frames], poses, self._motion(frames))
        tracks = 1 + max((person.track_id for persons in refined for person in persons), default=-1)
        labels = [
            self._label(frame, len(found), persons, first_track)
            for frame, found, persons in zip(frames, poses, refined, strict=True)
        ]
        return labels, first_track + tracks

    def _motion(self, frames: Sequence[Frame]) -> ClipMotion:
        ahead, back = [], []
        for first, second in pairwise(frames):
            pair = [torch.from_numpy(frame.image).permute(2, 0, 1)[None] for frame in (first, second)]
            forward, backward = self.flow.bidirectional(*pair)
            ahead.append(forward[0].cpu().numpy())
            back.append(backward[0].cpu().numpy())
        return ClipMotion(ahead, back)

    def _label(self, frame: Frame, detected: int, refined: Sequence[RefinedPerson], first_track: int) -> PseudoLabel:
        height, width = frame.image.shape[:2]
        persons, done, learned = [], [], 0
        for person in refined:
            keypoints = person.keypoints.astype(np.float32)
            keypoints[:, 2] = np.clip(keypoints[:, 2], 0, 1)
            inside = ((keypoints[:, :2] >= 0) & (keypoints[:, :2] <= (width - 1, height - 1))).all(1)
            sure = keypoints[:, 2] / np.where(person.actions == JointAction.RECOVERED, HEARSAY, 1)
            labelled = inside & (keypoints[:, 2] > 0) & (sure >= self.joint_threshold)
            box = _box(keypoints[inside & (keypoints[:, 2] > 0), :2], width, height)
            score = person_score(person.keypoints)
            if box is None or score < self.nobody_threshold:
                continue
            unsure = score < self.person_threshold or not labelled.any()
            learned += not unsure
            persons.append(
                PseudoPerson(
                    score=score,
                    mask=box_to_rle(box, height, width) if unsure else None,
                    keypoints=keypoints,
                    visibility=np.where(labelled, 2, 0).astype(np.uint8),
                    track_id=first_track + person.track_id,
                    box=box,
                    crowd=unsure,
                )
            )
            done.append([JointAction(action).name.lower() for action in person.actions])
        return PseudoLabel(
            frame=frame.index,
            height=height,
            width=width,
            image=frame.image,
            persons=tuple(persons),
            provenance={"signals": pose_signals(detected, refined, learned), "actions": done},
        )


def _box(points: np.ndarray, width: int, height: int) -> Box | None:
    """Around joints, a tenth larger on every side (joints lie within the body), inside the frame."""
    if not len(points):
        return None
    low, high = points.min(0), points.max(0)
    margin = MARGIN * float((high - low).max()) + 1
    x1, y1 = np.maximum(low - margin, 0)
    x2, y2 = np.minimum(high + margin, (width, height))
    return float(x1), float(y1), float(x2 - x1), float(y2 - y1)
