"""GBSR, section 3.2 of the paper: the poses of a clip made consistent over time by matching skeleton graphs."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from mmselfhuman.models.gbsr.association import Track, track_persons
from mmselfhuman.models.gbsr.clip import RefinedPerson, TrackedPoses
from mmselfhuman.models.gbsr.graph import Appearance, AppearanceCrops
from mmselfhuman.models.gbsr.matching import match_clip
from mmselfhuman.models.gbsr.motion import ClipMotion
from mmselfhuman.models.gbsr.neighbours import Neighbours
from mmselfhuman.models.gbsr.places import move_strays, recover_missing, reduce_jitter
from mmselfhuman.models.gbsr.solver import GraphMatcher
from mmselfhuman.models.gbsr.swaps import repair_between_persons, repair_left_right
from mmselfhuman.structures import NUM_JOINTS, window_offsets


class GraphPoseRefiner:
    """Refine the poses of a clip from any pose model.

    Persons are followed through the clip; each person's graphs are matched with those of the neighbouring frames,
    equation (4); names that contradict the neighbours are repaired and missing joints and persons recovered; the graphs
    are matched a second time with crops resized by the visibility scores and with the recovered joints in them, and
    what that matching still contradicts is repaired; strayed joints are moved back and jitter is reduced.

    Args:
        extractor: The feature extractor ``f``: ``(1, 3, H, W)`` float images in [0, 1], BGR, to ``(1, C, h, w)``.
            ``None`` compares crops of the image alone.
        window: How many frames a joint is matched and placed over: 3 looks at the frames before and after, 2 at the
            next one only, 5 at two on either side. (Left and right are compared over two frames on either side at
            least.)
        alpha: Weight of the connections against the appearance in equation (1).
        min_score: Joints with a lower score are taken for missing.
        confident: Joints with this score or a higher one are not moved (a name may still be repaired).
        max_gap: For how many frames in a row a person may be missed and is still recovered.
        recover_persons: Add persons who are missed in a frame but present around it.
        drop_single: Drop persons who are seen in a single frame between others, unless their mean score reaches
            ``confident``.
        device: Where features are extracted and graphs matched.
    """

    def __init__(
        self,
        extractor: Callable[[Tensor], Tensor] | None = None,
        window: int = 3,
        alpha: float = 0.5,
        min_score: float = 0.1,
        confident: float = 0.9,
        max_gap: int = 2,
        recover_persons: bool = True,
        drop_single: bool = True,
        device: str | torch.device = "cpu",
    ) -> None:
        self.extractor = extractor
        self.offsets = window_offsets(window, least=2)
        # A joint dropped or misnamed in the next frame must not leave a frame without names to compare with.
        self.naming_offsets = tuple(sorted({-2, -1, 1, 2, *self.offsets}))
        self.matcher = GraphMatcher(alpha=alpha)
        self.crops = AppearanceCrops()
        self.min_score, self.confident = min_score, confident
        self.max_gap = max_gap
        self.recover_persons, self.drop_single = recover_persons, drop_single
        self.device = torch.device(device)

    def __call__(
        self,
        images: Sequence[np.ndarray],
        poses: Sequence[np.ndarray],
        motion: ClipMotion,
        masks: Sequence[np.ndarray] | None = None,
    ) -> list[list[RefinedPerson]]:
        """Refine one clip.

        Args:
            images: For every frame ``(H, W, 3)`` uint8, BGR.
            poses: For every frame ``(P, 17, 3)`` of ``(x, y, score)`` in pixels, COCO order; joints may lie outside the
                frame.
            motion: Flow between the frames.
            masks: For every frame ``(P, H, W)`` bool, if there are any: they help to tell persons apart.

        Returns:
            For every frame its persons: those that came in, in their order (less dropped ones), then recovered ones.

        Raises:
            ValueError: The lists do not fit together, a shape is wrong or a joint is not finite; the message names the
                frame.
        """
        poses = _checked(images, poses, motion)
        tracks = track_persons(poses, motion, max_gap=self.max_gap, masks=masks)
        clip = TrackedPoses(poses, tracks, self.min_score)
        if len(tracks) and len(poses) > 1:
            visibility = self._refine(clip, images, motion)
        else:
            visibility = clip.present.astype(float)
        return self._persons(clip, tracks, poses, visibility)

    def _refine(self, clip: TrackedPoses, images: Sequence[np.ndarray], motion: ClipMotion) -> np.ndarray:
        frames = [self._appearance(image) for image in images]
        matching = match_clip(clip, frames, self.offsets, self.matcher, self.crops)
        visibility = matching.visibility(clip)
        repair_left_right(clip, Neighbours(clip, motion, self.naming_offsets), matching)
        repair_between_persons(clip, Neighbours(clip, motion, self.offsets))
        move_strays(clip, Neighbours(clip, motion, self.offsets), self.confident)
        recover_missing(clip, Neighbours(clip, motion, self.naming_offsets), _inside(clip.seen, self.recover_persons))
        matching = match_clip(clip, frames, self.offsets, self.matcher, self.crops, visibility)
        repair_left_right(clip, Neighbours(clip, motion, self.naming_offsets), matching)
        reduce_jitter(clip, Neighbours(clip, motion, self.offsets), self.confident)
        return matching.visibility(clip)

    def _appearance(self, image: np.ndarray) -> Appearance:
        tensor = torch.from_numpy(np.ascontiguousarray(image)).to(self.device).permute(2, 0, 1).float() / 255
        if self.extractor is None:
            return Appearance(tensor, None)
        with torch.no_grad():
            return Appearance(tensor, self.extractor(tensor[None])[0])

    def _persons(
        self, clip: TrackedPoses, tracks: Sequence[Track], poses: Sequence[np.ndarray], visibility: np.ndarray
    ) -> list[list[RefinedPerson]]:
        dropped = self._false_persons(clip, tracks)
        graphs, result = clip.graphs, []
        for t, persons in enumerate(poses):
            detected = sorted((clip.source[k, t], k) for k in np.flatnonzero(clip.seen[:, t]) if not dropped[k])
            missed = [(None, k) for k in np.flatnonzero(~clip.seen[:, t] & clip.present[:, t].any(1))]
            frame = []
            for source, k in [*detected, *missed]:
                keypoints = graphs[k, t].copy()
                if source is not None:
                    unchanged = clip.actions[k, t] == 0
                    keypoints[unchanged] = persons[source][unchanged]
                frame.append(
                    RefinedPerson(
                        keypoints,
                        int(k),
                        None if source is None else int(source),
                        clip.actions[k, t].copy(),
                        tuple(clip.reasons[k, t]),
                        visibility[k, t],
                    )
                )
            result.append(frame)
        return result

    def _false_persons(self, clip: TrackedPoses, tracks: Sequence[Track]) -> np.ndarray:
        """``(K,)`` bool."""
        last = clip.seen.shape[1] - 1
        dropped = np.zeros(len(tracks), bool)
        if not self.drop_single:
            return dropped
        for k, track in enumerate(tracks):
            (frame, *others) = track.persons
            scores = clip.scores[k, frame]
            mean = scores.sum() / max((scores > 0).sum(), 1)
            dropped[k] = not others and 0 < frame < last and mean < self.confident
        return dropped


def _inside(seen: np.ndarray, between: bool) -> np.ndarray:
    """``(K, T)`` bool: where the person was detected and, if asked for, the frames between."""
    if not between:
        return seen
    return np.logical_or.accumulate(seen, 1) & np.logical_or.accumulate(seen[:, ::-1], 1)[:, ::-1]


def _checked(images: Sequence[np.ndarray], poses: Sequence[np.ndarray], motion: ClipMotion) -> list[np.ndarray]:
    if not len(images) == len(poses) == len(motion):
        raise ValueError(
            f"images, poses and motion must be of one clip, got {len(images)}, {len(poses)} and {len(motion)} frames"
        )
    checked = []
    for t, (image, persons) in enumerate(zip(images, poses, strict=True)):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"images[{t}] must be (H, W, 3) uint8, got {image.shape} {image.dtype}")
        persons = np.asarray(persons, dtype=np.float64)
        if persons.size == 0:
            persons = persons.reshape(0, NUM_JOINTS, 3)
        if persons.ndim != 3 or persons.shape[1:] != (NUM_JOINTS, 3):
            raise ValueError(f"poses[{t}] must have shape (P, {NUM_JOINTS}, 3), got {persons.shape}")
        wrong = np.argwhere(~np.isfinite(persons).all(-1))
        if len(wrong):
            person, joint = wrong[0]
            raise ValueError(f"poses[{t}]: joint {joint} of person {person} is not finite: {persons[person, joint]}")
        checked.append(persons)
    return checked
