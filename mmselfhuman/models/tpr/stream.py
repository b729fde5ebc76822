"""How TPR moves through a clip: which frames are held, and which round has come how far."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mmselfhuman.models.flow.interface import FlowEstimator
from mmselfhuman.models.flow.ops import resize, resize_flow
from mmselfhuman.models.tpr.balance import VoteBalance
from mmselfhuman.models.tpr.flow_refinement import FlowRefinement
from mmselfhuman.models.tpr.labels import predicted_labels
from mmselfhuman.models.tpr.mask_refinement import Neighbour, fuse
from mmselfhuman.models.tpr.motion import FrameViews, Motion, chain, weigh
from mmselfhuman.models.tpr.reliability import CoarseFrame, FrameReliability
from mmselfhuman.models.tpr.trust import FlowTrust


@dataclass(frozen=True, eq=False)
class RefinedFrame:
    """What TPR says about a frame.

    Attributes:
        index: Its number in the clip, from 0.
        logits: ``(K, h, w)`` float32 on the scale of the input's: the weighted mean of the window's activations, which
            has the argmax of equation (5)'s sum over balanced votes.
        reliability: ``(1, h, w)`` in [0, 1], how far the frames around confirm the frame's own input; ``None`` if they
            were not asked.
        unreliable: Share of the flow vectors to and from the next frame that linked different labels in the last round;
            ``None`` for the last frame, and if flow is not refined.
    """

    index: int
    logits: Tensor
    reliability: Tensor | None
    unreliable: float | None


@dataclass(eq=False)
class _Held:
    """A frame within reach.

    ``levels[r]`` are its logits after r rounds, ``labels[r]`` their labels at the image's size; ``trusted[n]`` the
    weights of the flow to the n-th frame after it, and back.
    """

    image: Tensor
    logits: Tensor
    views: FrameViews
    coarse: CoarseFrame | None
    motion: Motion | None = None  # to the next frame
    reliability: Tensor | None = None
    levels: dict[int, Tensor] = field(default_factory=dict)
    labels: dict[int, Tensor] = field(default_factory=dict)
    trusted: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)


class Stream:
    """One clip on its way through all rounds; arguments as of ``TemporalParsingRefiner``.

    A frame reaches level 0 when the frames that rate it have arrived, and level r when the frames of its window, and
    those that share flow with them, have reached level r - 1.
    """

    def __init__(
        self,
        flow: FlowEstimator,
        *,
        offsets: Sequence[int],
        rounds: int,
        negate: bool,
        trust: FlowTrust | None,
        search: FlowRefinement | None,
        reliability: FrameReliability | None,
        balance: bool,
        anchor: float,
        trust_stride: int,
    ) -> None:
        self._flow, self._negate = flow, negate
        self._offsets, self._rounds = offsets, rounds
        self._trust, self._search, self._reliability = trust, search, reliability
        self._balance = VoteBalance() if balance else None
        self._anchor = anchor
        self._trust_stride = trust_stride
        self._behind = -min((0, *offsets))
        # Not only must the window be there: no frame of the round before may still need the flow this one will refine.
        self._lookahead = max((0, *offsets)) + max(0, self._behind - 1)
        self._reach = reliability.reach if reliability else 0
        self._frames: dict[int, _Held] = {}
        self._arrived = 0
        self._done = [0] * (rounds + 1)  # how many frames have reached each level

    def push(self, image: Tensor, logits: Tensor) -> Iterator[RefinedFrame]:
        """Take the next frame, yield those that are finished."""
        self._check(image, logits)
        image, logits = image[None], logits[None].float()
        if self._balance:
            logits = self._balance(logits)
        held = _Held(image, logits, FrameViews(image, self._trust_stride), self._coarse(image, logits))
        if self._arrived:
            self._join(self._frames[self._arrived - 1], held)
        self._frames[self._arrived] = held
        self._arrived += 1
        return self._advance(ended=False)

    def finish(self) -> Iterator[RefinedFrame]:
        """Yield the frames that were still waiting for others."""
        return self._advance(ended=True)

    def _advance(self, ended: bool) -> Iterator[RefinedFrame]:
        for level in range(self._rounds + 1):
            available = self._done[level - 1] if level else self._arrived
            wait = 0 if ended else self._lookahead if level else self._reach
            while self._done[level] + wait < available:
                index = self._done[level]
                self._frames[index].levels[level] = self._refined(index, level) if level else self._rated(index)
                self._done[level] += 1
                self._release(index - self._behind, level - 1)
                if level == self._rounds:
                    yield self._emit(index)

    def _emit(self, index: int) -> RefinedFrame:
        held = self._frames[index]
        motion, rating = held.motion, held.reliability
        keep_from = min(index + 1 - self._behind, self._done[0] - self._reach)
        self._frames = {place: frame for place, frame in self._frames.items() if place >= keep_from}
        return RefinedFrame(
            index,
            held.levels[self._rounds][0],
            None if rating is None else rating[0],
            None if motion is None else motion.unreliable,
        )

    def _release(self, index: int, level: int) -> None:
        """Forget logits that no frame of the next level looks back to; those of level 0 stay, as anchors."""
        if index in self._frames:
            self._frames[index].labels.pop(level, None)
            if level > 0:
                self._frames[index].levels.pop(level, None)

    def _rated(self, index: int) -> Tensor:
        """Level 0: the logits, scaled down where the frames around contradict them."""
        held = self._frames[index]
        if self._reliability is None:
            return held.logits
        places = range(max(0, index - self._reach), min(self._arrived, index + self._reach + 1))
        rating = self._reliability([self._frames[place].coarse for place in places], index - places.start)
        held.reliability = resize(rating, held.logits.shape[2:])
        return held.logits * held.reliability

    def _refined(self, index: int, level: int) -> Tensor:
        """One round: refine the flow within the window, then fuse."""
        offsets = [offset for offset in self._offsets if 0 <= index + offset < self._done[level - 1]]
        places = [index, *(index + offset for offset in offsets)]
        for place in range(min(places), max(places)):
            self._refine_motion(place, level)
        neighbours = [self._neighbour(index, offset, level) for offset in offsets]
        levels = self._frames[index].levels
        total, weights = fuse(torch.lerp(levels[level - 1], levels[0], self._anchor), neighbours)
        return total.div_(weights)

    def _refine_motion(self, place: int, level: int) -> None:
        motion = self._frames[place].motion
        if motion.round < level:
            motion.round = level
            if self._search and motion.refine(self._search, self._labels(place, level), self._labels(place + 1, level)):
                self._distrust(place)

    def _neighbour(self, index: int, offset: int, level: int) -> Neighbour:
        logits = self._frames[index + offset].levels[level - 1]
        size = logits.shape[2:]
        first, last = sorted((index, index + offset))
        motions = [self._frames[place].motion for place in range(first, last)]
        flow = chain(motions)[0 if offset > 0 else 1]
        weights = self._weights(first, motions, size)
        return Neighbour(logits, resize_flow(flow, size), weights and weights[0 if offset > 0 else 1])

    def _weights(self, first: int, motions: list[Motion], size: tuple[int, int]) -> tuple[Tensor, Tensor] | None:
        """Trust in the vectors from frame ``first`` across the motions, and back."""
        if self._trust is None:
            return None
        held = self._frames[first]
        if len(motions) not in held.trusted:
            held.trusted[len(motions)] = weigh(self._trust, motions, size)
        return held.trusted[len(motions)]

    def _distrust(self, place: int) -> None:
        """Forget the weights of all flow that leads across a motion that has changed."""
        for first, held in self._frames.items():
            across = [steps for steps in held.trusted if first <= place < first + steps]
            for steps in across:
                del held.trusted[steps]

    def _labels(self, place: int, level: int) -> Tensor:
        """What the flow is held against in a round: the labels before it."""
        held = self._frames[place]
        if level - 1 not in held.labels:
            held.labels[level - 1] = predicted_labels(resize(held.levels[level - 1], held.image.shape[2:]))
        return held.labels[level - 1]

    def _join(self, before: _Held, held: _Held) -> None:
        """Estimate the motion between the last frame and a new one."""
        if self._negate:
            forward, backward = self._flow(before.image, held.image), None
        else:
            forward, backward = self._flow.bidirectional(before.image, held.image)
        before.motion = Motion(before.views, held.views, forward, backward)
        if held.coarse is not None:
            size = held.coarse.image.shape[2:]
            before.coarse.to_next = resize_flow(before.motion.forward, size)
            held.coarse.to_previous = resize_flow(before.motion.backward, size)

    def _coarse(self, image: Tensor, logits: Tensor) -> CoarseFrame | None:
        if self._reliability is None:
            return None
        size = tuple(max(1, side // self._reliability.stride) for side in image.shape[2:])
        return CoarseFrame(resize(image.float(), size), resize(torch.softmax(logits, 1), size))

    def _check(self, image: Tensor, logits: Tensor) -> None:
        where = f"frame {self._arrived}"
        if image.ndim != 3 or image.shape[0] != 3:
            raise ValueError(f"{where}: expected an image (3, H, W), got {tuple(image.shape)}")
        if not logits.is_floating_point():
            raise TypeError(f"{where}: expected floating logits, got {logits.dtype}")
        if logits.ndim != 3 or logits.shape[0] < 2:
            raise ValueError(f"{where}: expected logits (K, h, w) of at least 2 classes, got {tuple(logits.shape)}")
        if not all(extreme.isfinite() for extreme in logits.aminmax()):
            raise ValueError(f"{where}: its logits are not all finite")
        if self._arrived:
            last = self._frames[self._arrived - 1]
            for name, new, old in (("image", image, last.image), ("logits", logits, last.logits)):
                if new.shape != old.shape[1:]:
                    raise ValueError(
                        f"{where}: {name} of shape {tuple(new.shape)}, but {tuple(old.shape[1:])} in the frames before"
                    )
