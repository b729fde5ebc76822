"""Pseudo-labels as plain data: what is believed about one frame of unlabelled video, and why."""

from dataclasses import dataclass, field

import numpy as np
from pycocotools import mask as coco_mask

from mmselfhuman.structures.persons import Box

UNSURE = 255
"""Label of the pixels that neither loss nor metric counts."""


@dataclass(frozen=True, eq=False)
class PseudoPerson:
    """One person that is believed to be there.

    Attributes:
        score: Belief that this is a person, in [0, 1].
        mask: Compressed COCO RLE, ``{'size': [height, width], 'counts': bytes}``; ``None`` if there is none.
        keypoints: ``(17, 3)`` float32 of ``(x, y, score)``, x and y in pixels, score in [0, 1], COCO joint order;
            ``None`` if the pose is not known.
        visibility: ``(17,)`` uint8, COCO's 0 = not labelled, 1 = labelled but hidden, 2 = visible; ``None`` if unknown:
            every joint with a positive score counts as visible then.
        track_id: Identity within the video; ``None`` if unknown.
        box: ``(x, y, w, h)`` in pixels. Left out, it is that of the mask or, lacking one, that of the joints with a
            positive score.
        crowd: Not one person but a region of uncounted ones (COCO ``iscrowd``): to be ignored, not learned.

    Raises:
        ValueError: There is neither box nor mask nor a joint with a positive score.
    """

    score: float
    mask: dict | None = None
    keypoints: np.ndarray | None = None
    visibility: np.ndarray | None = None
    track_id: int | None = None
    box: Box | None = None
    crowd: bool = False

    def __post_init__(self) -> None:
        if self.box is None:
            object.__setattr__(self, "box", _enclosing_box(self.mask, self.keypoints))


@dataclass(frozen=True, eq=False)
class PseudoLabel:
    """What is believed about one frame.

    Attributes:
        frame: :attr:`~mmselfhuman.structures.Frame.index` of the frame.
        height, width: Of the frame, in pixels.
        image: Pixels, ``(H, W, 3)`` uint8 BGR, when written (or the path of an image file, which is copied as it is);
            a path when read.
        semantic: ``(H, W)`` uint8 class index, :data:`UNSURE` where nothing is to be learned; ``None`` if the label
            says nothing about classes.
        confidence: ``(H, W)`` uint8, the probability of the label times 255; ``None`` if unknown. A store may keep it
            coarser than it was.
        persons: All persons of the frame, which may be none; ``None`` if the label says nothing about persons.
        provenance: Who made this and why, as plain values that JSON knows (model, settings, signals of this frame).
    """

    frame: int
    height: int
    width: int
    image: np.ndarray | str
    semantic: np.ndarray | None = None
    confidence: np.ndarray | None = None
    persons: tuple[PseudoPerson, ...] | None = None
    provenance: dict = field(default_factory=dict)


def _enclosing_box(mask: dict | None, keypoints: np.ndarray | None) -> Box:
    if mask is not None:
        return tuple(float(value) for value in coco_mask.toBbox(mask))
    if keypoints is not None and (keypoints[:, 2] > 0).any():
        points = keypoints[keypoints[:, 2] > 0, :2].astype(np.float64)
        (x1, y1), (x2, y2) = points.min(axis=0), points.max(axis=0)
        return float(x1), float(y1), float(x2 - x1), float(y2 - y1)
    raise ValueError("a person needs a box, a mask, or keypoints of which one has a positive score")
