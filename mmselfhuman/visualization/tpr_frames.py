"""Watching TPR at work: the frames of a clip with what is drawn of them."""

from collections.abc import Container, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from mmselfhuman.models.flow.ops import resize
from mmselfhuman.models.tpr import RefinedFrame, TemporalParsingRefiner, predicted_labels, unreliable_vectors
from mmselfhuman.models.tpr.motion import FrameViews, Motion
from mmselfhuman.visualization.tpr import TPRFrame


def tpr_frames(
    refiner: TemporalParsingRefiner, frames: Iterable[tuple[Tensor, Tensor]], explained: Container[int] = ()
) -> Iterator[TPRFrame]:
    """Refine a clip and keep what is needed to draw it; a few frames are held at any time.

    Args:
        refiner: How.
        frames: As of :class:`~mmselfhuman.models.tpr.TemporalParsingRefiner`: images ``(3, H, W)`` and logits
            ``(K, h, w)``.
        explained: Numbers of the frames, from 0, whose motion is shown as well: the flow to the next frame before and
            after the first round, and its unreliable vectors. Their flow is estimated a second time.

    Yields:
        Every frame, in order; its ``index`` counts the frames from 0.
    """
    held: dict[int, tuple[Tensor, Tensor]] = {}

    def passing() -> Iterator[tuple[Tensor, Tensor]]:
        for index, (image, logits) in enumerate(frames):
            held[index] = image, _labels(logits, image)
            yield image, logits

    for refined in refiner(passing()):
        image, before = held[refined.index]
        motion = {}
        if refined.index in explained and refined.index + 1 in held:
            motion = _motion(refiner, held[refined.index], held[refined.index + 1])
        yield TPRFrame(
            refined.index,
            _picture(image),
            before[0].cpu().numpy(),
            _labels(refined.logits, image)[0].cpu().numpy(),
            reliability=_reliability(refined),
            **motion,
        )
        del held[refined.index]


def _motion(
    refiner: TemporalParsingRefiner, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]
) -> dict[str, np.ndarray]:
    images, labels = (first[0][None], second[0][None]), (first[1], second[1])
    with torch.no_grad():
        if refiner.backward == "negate":
            forward, backward = refiner.flow(*images), None
        else:
            forward, backward = refiner.flow.bidirectional(*images)
        motion = Motion(*(FrameViews(image, refiner.trust_stride) for image in images), forward, backward)
        known = {"flow": forward, "unreliable": unreliable_vectors(forward, *labels)}
        if refiner.search is not None:
            motion.refine(refiner.search, *labels)
            known["refined_flow"] = motion.forward
    return {name: value[0].cpu().numpy() for name, value in known.items()}


def _labels(logits: Tensor, image: Tensor) -> Tensor:
    """``(1, H, W)`` at the image's size."""
    return predicted_labels(resize(logits[None].float(), tuple(image.shape[1:])))


def _picture(image: Tensor) -> np.ndarray:
    return image.float().round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy().copy()


def _reliability(refined: RefinedFrame) -> np.ndarray | None:
    return None if refined.reliability is None else refined.reliability[0].cpu().numpy()
