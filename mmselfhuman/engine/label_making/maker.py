"""TPR's refined logits as pseudo-labels, a frame at a time."""

import copy
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from mmselfhuman.engine.label_making.predictors import Predictor
from mmselfhuman.engine.label_making.reading import UnusableClipError, batches
from mmselfhuman.engine.label_making.signals import (
    CollapseGuard,
    FrameSignals,
    RoundSignals,
    Tally,
    agreement,
    foreground,
    summarise,
)
from mmselfhuman.evaluation.video_masks import region_similarity, temporal_stability
from mmselfhuman.models.flow.interface import FlowEstimator
from mmselfhuman.models.flow.ops import resize
from mmselfhuman.models.tpr import TemporalParsingRefiner, predicted_labels
from mmselfhuman.structures import UNSURE, Clip, Frame, PseudoLabel

PreviousLabel = Callable[[int], np.ndarray | None]
"""What the round before said about a frame, by :attr:`Frame.index`: ``(H, W)`` uint8, or ``None``."""

_STABILITY_SIDE = 240  # pixels that the shorter side keeps, at least

_PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class LabelMaker:
    """Clips to labels: frames through a predictor, logits through TPR, logits to classes where they are sure.

    Memory does not grow with the clip. A frame's label is the class with the largest refined logit, and unsure where
    that class's probability (softmax) is below ``threshold``.

    Attributes:
        refiner: TPR.
        threshold: In [0, 1]; 0 leaves nothing unsure.
        background: The class that is nobody, for the signals; ``None`` if all classes are somebody.
        batch_size: Frames that go through the network together.
        given: What somebody else's network has said about the same clips; its logits and the network's are averaged, as
            equation (10) adds activations.

    Raises:
        ValueError: A setting is out of its range.
    """

    tally_type: ClassVar[type[Tally]] = Tally
    guard_type: ClassVar[type[CollapseGuard]] = CollapseGuard

    refiner: TemporalParsingRefiner
    threshold: float = 0.7
    background: int | None = 0
    batch_size: int = 8
    given: Predictor | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold: expected a probability in [0, 1], got {self.threshold}")
        if self.background is not None and self.background < 0:
            raise ValueError(f"background: expected the index of a class or None, got {self.background}")
        if self.batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {self.batch_size}")

    @property
    def identity(self) -> dict:
        """JSON-able; makers of one identity make the same labels of the same logits."""
        return {
            "refiner": plain_settings(self.refiner),
            "threshold": self.threshold,
            "background": self.background,
            # Batches of another size may be multiplied in another order, and logits differ in the last bit.
            "batch_size": self.batch_size,
            **({} if self.given is None else {"given": self.given.identity}),
        }

    def summarise(self, tallies: Mapping[str, Tally]) -> RoundSignals:
        """The signals of a round, out of those of its clips."""
        return summarise(tallies, self.background)

    def __call__(
        self, clip: Clip, predictor: Predictor, previous: PreviousLabel = lambda frame: None
    ) -> Iterator[PseudoLabel]:
        """Label a clip.

        Args:
            clip: Read from its start, once.
            predictor: Of at most 255 classes.
            previous: What to compare with.

        Yields:
            A label per frame, in order; ``provenance['signals']`` are its :class:`FrameSignals`.

        Raises:
            UnusableClipError: The clip cannot be read to its end, or has no frame.
        """
        tap = _FlowTap(self.refiner.flow)
        refiner = copy.copy(self.refiner)
        refiner.flow = tap
        waiting: deque[_Waiting] = deque()
        last: _Refined | None = None
        for refined in refiner(self._predicted(clip, predictor, tap, waiting)):
            result = self._labelled(waiting.popleft(), refined.logits, refined.unreliable)
            if last is not None:
                yield last.label(self.background, previous, _stability(last, result, tap.flows.popleft()))
            last = result
        if last is None:
            raise UnusableClipError("no frame of it can be read")
        yield last.label(self.background, previous, None)

    def _predicted(
        self, clip: Clip, predictor: Predictor, flow: FlowEstimator, waiting: "deque[_Waiting]"
    ) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in batches(clip, self.batch_size):
            for frame, logits in zip(batch, predictor(clip.name, batch), strict=True):
                flow.to(logits.device)
                whole = resize(logits[None], frame.image.shape[:2])
                own = predicted_labels(whole)[0]
                waiting.append(_Waiting(frame, self._foreground(own.cpu().numpy())))
                if self.given is not None:
                    (theirs,) = self.given(clip.name, [frame])
                    logits = (whole[0] + resize(theirs[None].to(whole.device), whole.shape[2:])[0]) / 2
                yield torch.from_numpy(frame.image).permute(2, 0, 1).to(logits.device), logits

    def _labelled(self, waiting: "_Waiting", logits: Tensor, unreliable: float | None) -> "_Refined":
        logits = resize(logits[None], waiting.frame.image.shape[:2])
        classes = predicted_labels(logits)
        probability = torch.softmax(logits, 1).amax(1)
        label = classes.masked_fill(probability < self.threshold, UNSURE)[0].cpu().numpy()
        confidence = (probability * 255).round().to(torch.uint8)[0].cpu().numpy()
        mask = self._foreground(classes[0].cpu().numpy())
        return _Refined(waiting, label, confidence, mask, unreliable)

    def _foreground(self, label: np.ndarray) -> np.ndarray:
        return foreground(label, self.background)


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A frame on its way through TPR, and the network's own mask of it."""

    frame: Frame
    own: np.ndarray


@dataclass(frozen=True, eq=False)
class _Refined:
    """A frame whose label is known, while its successor's is not."""

    waiting: _Waiting
    semantic: np.ndarray
    confidence: np.ndarray
    mask: np.ndarray
    unreliable: float | None

    def label(self, background: int | None, previous: PreviousLabel, stability: float | None) -> PseudoLabel:
        frame = self.waiting.frame
        pixels = {name: int(count) for name, count in enumerate(np.bincount(self.semantic.ravel())) if count}
        before = previous(frame.index)
        comparable = before is not None and before.shape == self.semantic.shape
        signals = FrameSignals(
            ignored=pixels.pop(UNSURE, 0),
            classes={str(name): count for name, count in pixels.items()},
            foreground=int(self.mask.sum()),
            network=region_similarity(self.mask, self.waiting.own),
            previous=agreement(self.semantic, before, background) if comparable else None,
            stability=stability,
            unreliable=self.unreliable,
        )
        return PseudoLabel(
            frame=frame.index,
            height=frame.image.shape[0],
            width=frame.image.shape[1],
            image=frame.image,
            semantic=self.semantic,
            confidence=self.confidence,
            provenance={"signals": signals.as_json()},
        )


class _FlowTap(FlowEstimator):
    """Keeps the flow between neighbouring frames that TPR asks for, so that it is not estimated twice.

    Attributes:
        flows: ``(2, H, W)`` float32, each frame to the next, oldest first.
    """

    def __init__(self, estimator: FlowEstimator) -> None:
        super().__init__()
        self.estimator = estimator
        self.min_size = estimator.min_size
        self.flows: deque[np.ndarray] = deque()

    def forward(self, src: Tensor, dst: Tensor) -> Tensor:
        return self._kept(self.estimator(src, dst))

    def bidirectional(self, src: Tensor, dst: Tensor) -> tuple[Tensor, Tensor]:
        ahead, back = self.estimator.bidirectional(src, dst)
        return self._kept(ahead), back

    def estimate(self, src: Tensor, dst: Tensor) -> Tensor:
        return self.estimator.estimate(src, dst)

    def _kept(self, flow: Tensor) -> Tensor:
        self.flows.append(flow[0].cpu().numpy())
        return flow


def _stability(frame: _Refined, following: _Refined, flow: np.ndarray) -> float:
    """Temporal stability, of large frames on a coarser grid: at full size it takes a tenth of the time of all else."""
    step = max(1, min(frame.mask.shape) // _STABILITY_SIDE)
    masks = (np.ascontiguousarray(refined.mask[::step, ::step]) for refined in (frame, following))
    return temporal_stability(*masks, flow[:, ::step, ::step] / step)


def plain_settings(part: object) -> dict:
    """What an object was set to, as far as JSON knows it: numbers, texts, and objects made of them."""
    values = asdict(part) if is_dataclass(part) else vars(part)
    settings: dict = {"type": type(part).__name__}
    for name, value in sorted(values.items()):
        if name.startswith("_") or name == "training":
            continue
        if isinstance(value, list | tuple) and all(isinstance(item, _PLAIN) for item in value):
            settings[name] = list(value)
        elif isinstance(value, _PLAIN):
            settings[name] = value
        elif is_dataclass(value) or isinstance(value, FlowEstimator):
            settings[name] = plain_settings(value)
    return settings
