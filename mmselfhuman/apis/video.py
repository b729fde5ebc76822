"""A video through the detector: who is who from frame to frame and, if asked for, refinement over time."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from mmselfhuman.apis.batches import batches_ahead
from mmselfhuman.models.detectors.persons import FramePersons, FramePoses
from mmselfhuman.models.flow.interface import FlowEstimator
from mmselfhuman.models.gbsr.association import track_persons
from mmselfhuman.models.gbsr.motion import ClipMotion
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
from mmselfhuman.models.tpr.refiner import TemporalParsingRefiner
from mmselfhuman.structures import Frame

PairFlow = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True, eq=False)
class _Seen:
    """A frame on its way.

    Attributes:
        frame: As decoded.
        image: ``(3, H, W)`` uint8 on the detector's device.
        small: ``(h, w, 3)`` uint8, the frame at the size at which motion is estimated.
        poses: In pixels of the frame.
        logits: ``(K, ., .)`` of the Seg Module, or refined; ``None`` without one.
        flow: From the frame before to this one and, for refiners, back, ``(2, h, w)`` each; ``None`` for the first.
    """

    frame: Frame
    image: Tensor
    small: np.ndarray
    poses: FramePoses
    logits: Tensor | None
    flow: PairFlow | None


class VideoSegmenter:
    """Persons of a video with the numbers of their tracks, a few frames behind the reading.

    Persons are followed by GBSR's association. With ``gbsr`` their poses are refined before they are segmented, with
    ``tpr`` the Seg Module's logits are: Algorithm 1's steps 2 to 4 without any training. Motion is estimated once per
    pair of frames, at a reduced size. Memory does not grow with the video.

    Args:
        detector: A ``SelfHumanDetector``; its stopwatch times the other parts as well.
        flow: Estimates the motion.
        tpr: Refines logits; ``None`` leaves them.
        gbsr: Refines poses; ``None`` leaves them.
        batch_size: Frames that go through the networks together.
        segment: Tracks are made, and poses refined, over so many frames at a time,
        context: with so many before and after them, by which tracks are continued.
        motion_side: The longer side, in pixels, of the frames whose motion is estimated. Following needs less than
            refining: half of it, in one direction.
    """

    def __init__(
        self,
        detector: nn.Module,
        flow: FlowEstimator,
        tpr: TemporalParsingRefiner | None = None,
        gbsr: GraphPoseRefiner | None = None,
        batch_size: int = 8,
        segment: int = 16,
        context: int = 4,
        motion_side: int = 480,
    ) -> None:
        for name, value in (("batch_size", batch_size), ("segment", segment), ("context", context)):
            if value < 1:
                raise ValueError(f"{name}: expected at least 1, got {value}")
        self.detector, self.flow, self.gbsr = detector, flow, gbsr
        self.tpr = None if tpr is None or detector.seg is None else tpr
        self._refining = self.tpr is not None or gbsr is not None
        self.batch_size, self.segment, self.context = batch_size, segment, context
        self.motion_side = motion_side if self._refining else motion_side / 2
        self._timed = detector.stopwatch

    def __call__(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, FramePersons]]:
        """Segment a video.

        Args:
            frames: Of one size, read once, ahead of the networks and in another thread.

        Yields:
            Every frame with its persons, in order; ``poses.track_ids`` are the same for the same person.
        """
        for seen in self._followed(self._refined(self._seen(frames))):
            (persons,) = self.detector.persons([seen.image], [seen.poses], [seen.logits])
            yield seen.frame, persons

    def _seen(self, frames: Iterable[Frame]) -> Iterator[_Seen]:
        """What the Pose Module and the Seg Module say about each frame, and its motion."""
        last, device = None, next(self.detector.parameters()).device
        for batch in batches_ahead(frames, self.batch_size, self._timed):
            images = [torch.from_numpy(frame.image).permute(2, 0, 1).to(device) for frame in batch]
            found = zip(batch, images, self.detector.poses(images), self.detector.seg_logits(images), strict=True)
            for frame, image, poses, logits in found:
                small = self._reduced(frame.image)
                with self._timed("flow", device):
                    flow = None if last is None else self._motion(last, small, device)
                last = small
                yield _Seen(frame, image, small, self.detector.candidates(poses), logits, flow)

    def _reduced(self, image: np.ndarray) -> np.ndarray:
        factor = min(1.0, self.motion_side / max(image.shape[:2]))
        # Flow estimators have a least size.
        size = [max(round(side * factor), min(side, self.flow.min_size)) for side in image.shape[1::-1]]
        return image if factor == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)

    def _motion(self, first: np.ndarray, second: np.ndarray, device: torch.device) -> PairFlow:
        if min(first.shape[:2]) < self.flow.min_size:
            still = np.zeros((2, *first.shape[:2]), np.float32)
            return still, still
        pair = (torch.from_numpy(image).permute(2, 0, 1)[None].to(device) for image in (first, second))
        if not self._refining:
            return self.flow(*pair)[0].cpu().numpy(), None
        forward, backward = self.flow.bidirectional(*pair)
        return forward[0].cpu().numpy(), backward[0].cpu().numpy()

    def _refined(self, stream: Iterator[_Seen]) -> Iterator[_Seen]:
        """The same frames with TPR's logits."""
        if self.tpr is None:
            yield from stream
            return
        known, waiting = _KnownFlow(), deque()

        def arriving() -> Iterator[tuple[Tensor, Tensor]]:
            for seen in stream:
                waiting.append(seen)
                if seen.flow is not None:
                    known.pairs.append(seen.flow)
                image = torch.from_numpy(seen.small).permute(2, 0, 1).to(seen.image.device)
                yield image, seen.logits

        refiner = _with_flow(self.tpr, known)(arriving())
        while True:
            with self._timed("tpr"):
                result = next(refiner, None)
            if result is None:
                return
            yield replace(waiting.popleft(), logits=result.logits)

    def _followed(self, stream: Iterator[_Seen]) -> Iterator[_Seen]:
        """The same frames with the numbers of tracks and, with GBSR, refined poses."""
        part: list[_Seen] = []
        tracks, done = _Tracks(), 0  # of the part, how many frames have been given out
        for seen in stream:
            part.append(seen)
            if len(part) == done + self.segment + self.context:
                placed = self._tracked(part, tracks)
                yield from placed[done : done + self.segment]
                done += self.segment
                kept = min(self.context, done)
                part, done = part[done - kept :], kept
        if len(part) > done:
            yield from self._tracked(part, tracks)[done:]

    def _tracked(self, part: Sequence[_Seen], tracks: "_Tracks") -> list[_Seen]:
        with self._timed("tracking" if self.gbsr is None else "gbsr"):
            scale = np.array(part[0].small.shape[1::-1]) / np.array(part[0].frame.image.shape[1::-1])
            poses = [_scaled(one.poses.keypoints.double().cpu().numpy(), scale) for one in part]
            forward, backward = ([one.flow[way] for one in part[1:]] for way in (0, 1))
            motion = ClipMotion(forward, backward if self._refining else None)
            if self.gbsr is None:
                whose: list[list[tuple]] = [[] for _ in part]
                for track_id, track in enumerate(track_persons(poses, motion)):
                    for place, person in track.persons.items():
                        whose[place].append((track_id, person, poses[place][person]))
            else:
                refined = self.gbsr([one.small for one in part], poses, motion)
                whose = [[(p.track_id, p.source, p.keypoints) for p in persons] for persons in refined]
            numbers = tracks.continued([(one.frame.index, found) for one, found in zip(part, whose, strict=True)])
            return [
                replace(one, poses=_numbered(one.poses, found, numbers, 1 / scale))
                for one, found in zip(part, whose, strict=True)
            ]


class _Tracks:
    """Numbers of tracks over the parts of a video: a track goes on as the one that it shares most persons with."""

    def __init__(self) -> None:
        self._next = 0
        self._known: dict[tuple[int, int], int] = {}  # frame and person detected there -> number

    def continued(self, part: Sequence[tuple[int, Sequence[tuple]]]) -> dict[int, int]:
        """The numbers of a part's tracks, each given once."""
        shared: Counter[tuple[int, int]] = Counter()
        tracks = sorted({track for _, found in part for track, *_ in found})
        for frame, found in part:
            for track, person, _ in found:
                if (frame, person) in self._known:
                    shared[track, self._known[frame, person]] += 1
        numbers: dict[int, int] = {}
        for (track, number), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
            if track not in numbers and number not in numbers.values():
                numbers[track] = number
        for track in tracks:
            if track not in numbers:
                numbers[track] = self._next
                self._next += 1
        self._known = {
            (frame, person): numbers[track] for frame, found in part for track, person, _ in found if person is not None
        }
        return numbers


class _KnownFlow(FlowEstimator):
    """Gives out flow that has been estimated already, pair by pair."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs: deque[PairFlow] = deque()

    def estimate(self, src: Tensor, dst: Tensor) -> Tensor:
        forward, backward = (torch.from_numpy(flow).to(src.device) for flow in self.pairs.popleft())
        return torch.stack([forward, backward])[: len(src)]


def _with_flow(tpr: TemporalParsingRefiner, flow: FlowEstimator) -> TemporalParsingRefiner:
    """The same refiner with another estimator."""
    other = copy(tpr)
    other.flow = flow
    return other


def _scaled(keypoints: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.concatenate([(keypoints[..., :2] + 0.5) * scale - 0.5, keypoints[..., 2:]], axis=-1)


def _numbered(poses: FramePoses, found: Sequence[tuple], numbers: dict[int, int], scale: np.ndarray) -> FramePoses:
    """The persons of a frame: detected ones have the Pose Module's score, recovered ones the mean of their joints."""
    like: dict[str, Any] = {"dtype": torch.float32, "device": poses.keypoints.device}
    keypoints = np.array([pose for _, _, pose in found]).reshape(-1, *poses.keypoints.shape[1:])
    keypoints = torch.as_tensor(_scaled(keypoints, scale), **like)
    scores = keypoints[..., 2].mean(1) if len(found) else torch.zeros(0, **like)
    for number, (_, person, _) in enumerate(found):
        if person is not None:
            scores[number] = poses.scores[person]
    ids = torch.tensor([numbers[track] for track, *_ in found], dtype=torch.int64, device=like["device"])
    return FramePoses(keypoints, scores, track_ids=ids)
