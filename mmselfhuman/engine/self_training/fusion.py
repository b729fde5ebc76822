"""Step 4 of Algorithm 1: Pose2Seg on refined poses, combined with TPR's output by eq. (10), as labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmselfhuman.datasets.sources.masks import box_to_rle
from mmselfhuman.engine.label_making import LabelMaker, Predictor
from mmselfhuman.engine.label_making.weights import weights_digest
from mmselfhuman.evaluation.video_masks import region_similarity
from mmselfhuman.models.flow.ops import resize
from mmselfhuman.models.pose2seg import PersonFusion, PersonMask, paste_windows, window_to_rle
from mmselfhuman.models.pose2seg.head import Pose2SegHead
from mmselfhuman.pseudo_labels import RoundReader
from mmselfhuman.structures import UNSURE, Clip, PseudoLabel, PseudoPerson

_CROP = ("context", "min_side", "fill")
_MAPS = ("joint_sigma", "limb_sigma", "stride")


@dataclass(frozen=True, kw_only=True)
class FusedLabelMaker(LabelMaker):
    """Clips to label maps and persons: what :class:`LabelMaker` does, and each person's mask by eq. (10).

    The label map takes a pixel for a person where a fused mask claims it, and leaves it to TPR where no person's crop
    reaches. Inside crops, a pixel that TPR takes for a person and nobody's fused mask claims is unsure: Pose2Seg knows
    whether it is *this* person's, not whether it is somebody's who was not found. Persons whose pose is doubtful, whose
    mask is empty or whose mask has a low score are crowds, which are ignored.

    Attributes:
        poses: Refined poses, a round of labels with persons.
        pose2seg: The network.
        fusion: Eq. (10).
        person_threshold: Least score (mean probability over the mask) of a mask that is learned.
    """

    poses: RoundReader
    pose2seg: Pose2SegHead
    fusion: PersonFusion = field(default_factory=lambda: PersonFusion("exclusive"))
    person_threshold: float = 0.7
    _clip: "_ClipPersons | None" = None

    @property
    def identity(self) -> dict:
        """See :class:`LabelMaker`."""
        return {
            **super().identity,
            "pose2seg": weights_digest(self.pose2seg),
            "fusion": vars(self.fusion),
            "person_threshold": self.person_threshold,
            "poses": {"round": self.poses.number, "provenance": self.poses.provenance},
        }

    def __call__(self, clip: Clip, predictor: Predictor, previous: Any = lambda frame: None) -> Iterator[PseudoLabel]:
        """See :class:`LabelMaker`; labels have persons as well, and ``provenance['pose2seg']``, the IoU of TPR's mask
        with the union of the persons'."""
        known = _ClipPersons(_of_clip(self.poses, clip.name))
        maker = replace(self, _clip=known)
        for label in super(FusedLabelMaker, maker).__call__(clip, predictor, previous):
            persons, agreement = known.found.pop(label.frame)
            yield replace(label, persons=persons, provenance={**label.provenance, "pose2seg": agreement})

    def _labelled(self, waiting: Any, logits: Tensor, unreliable: float | None) -> Any:
        refined = super()._labelled(waiting, logits, unreliable)
        everybody = self._clip.poses.get(waiting.frame.index, ())
        persons = [person for person in everybody if not person.crowd]
        full = resize(logits[None], waiting.frame.image.shape[:2])[0]
        masks = self._masks(waiting.frame.image, persons, full)
        semantic, confidence, mask = fused_maps(
            refined.semantic, refined.confidence, refined.mask, masks, self.threshold
        )
        size = waiting.frame.image.shape[:2]
        made = tuple(self._person(person, one, size) for person, one in zip(persons, masks, strict=True))
        agreement = round(region_similarity(refined.mask, _union(masks, size)), 6)
        doubtful = tuple(person for person in everybody if person.crowd)
        self._clip.found[waiting.frame.index] = (*made, *doubtful), agreement
        return replace(refined, semantic=semantic, confidence=confidence, mask=mask)

    def _masks(self, image: np.ndarray, persons: Sequence[PseudoPerson], seg_logits: Tensor) -> list[PersonMask]:
        if not persons:
            return []
        device = seg_logits.device
        frame = torch.from_numpy(image).permute(2, 0, 1).to(device)
        poses = torch.from_numpy(np.stack([person.keypoints for person in persons])).to(device)
        visibility = torch.from_numpy(np.stack([person.visibility for person in persons])).to(device)
        poses = torch.cat([poses[..., :2], (visibility > 0)[..., None].to(poses)], dim=-1)
        logits, regions = self.pose2seg(frame, poses, visibility)
        windows = paste_windows(logits, regions, image.shape[:2])
        return list(self.fusion(windows, image.shape[:2], seg_logits))

    def _person(self, person: PseudoPerson, found: PersonMask, size: tuple[int, int]) -> PseudoPerson:
        if not found.window.values.any():
            return replace(person, mask=box_to_rle(person.box, *size), crowd=True)
        mask, doubtful = window_to_rle(found.window, size), found.score < self.person_threshold
        # Without a box, it is that of the mask.
        return replace(person, mask=mask, score=person.score * found.score, box=None, crowd=doubtful)


def fused_maps(
    semantic: np.ndarray, confidence: np.ndarray, mask: np.ndarray, persons: Sequence[PersonMask], threshold: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put persons' masks into what TPR says about a frame.

    Args:
        semantic: ``(H, W)`` uint8, TPR's labels: 0 background, 1 person, ``UNSURE``.
        confidence: ``(H, W)`` uint8, their probability times 255.
        mask: ``(H, W)`` bool, TPR's person, sure or not.
        persons: Fused masks.
        threshold: Probability below which a pixel is unsure.

    Returns:
        The three maps anew.
    """
    semantic, confidence, mask = semantic.copy(), confidence.copy(), mask.copy()
    size = semantic.shape
    probability, seen = np.zeros(size, np.float32), np.zeros(size, bool)
    for person in persons:
        place = np.s_[
            person.window.y : person.window.y + person.probability.shape[0],
            person.window.x : person.window.x + person.probability.shape[1],
        ]
        seen[place] = True
        np.maximum(probability[place], person.probability.cpu().numpy(), out=probability[place])
    claimed = _union(persons, size)
    sure = claimed & (probability >= threshold)
    semantic[claimed] = np.where(sure[claimed], 1, UNSURE)
    confidence[claimed] = np.round(255 * probability[claimed])
    semantic[seen & mask & ~claimed] = UNSURE
    mask[seen] = claimed[seen]
    return semantic, confidence, mask


def pose2seg_head(network: torch.nn.Module, pipeline: Sequence[Mapping[str, Any]]) -> Pose2SegHead:
    """A trained Pose2Seg network on whole frames, with the crops and maps of its test pipeline."""
    settings: dict[str, Any] = {}
    for step in pipeline:
        kind = str(step["type"]).rpartition(".")[2]
        if kind == "CropPerson":
            settings |= {name: step[name] for name in _CROP if name in step}
            settings["size"] = tuple(reversed(step.get("size", (96, 96))))
        elif kind == "AddSkeletonMaps":
            settings |= {name: step[name] for name in _MAPS if name in step}
    return Pose2SegHead(network, **settings)


@dataclass(frozen=True)
class _ClipPersons:
    """The persons of a clip: those that come in by frame, and those made of them."""

    poses: Mapping[int, tuple[PseudoPerson, ...]]
    found: dict[int, tuple[tuple[PseudoPerson, ...], float]] = field(default_factory=dict)


def _of_clip(poses: RoundReader, name: str) -> dict[int, tuple[PseudoPerson, ...]]:
    if name not in poses.clips:
        return {}
    return {label.frame: tuple(p for p in label.persons or () if p.keypoints is not None) for label in poses.clip(name)}


def _union(persons: Sequence[PersonMask], size: tuple[int, int]) -> np.ndarray:
    union = np.zeros(size, bool)
    for person in persons:
        window = person.window
        height, width = window.values.shape[-2:]
        union[window.y : window.y + height, window.x : window.x + width] |= window.values.cpu().numpy()
    return union
