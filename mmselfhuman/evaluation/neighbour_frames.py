"""What a network misses in a single frame and finds in a neighbouring one: the room that temporal methods have."""

from dataclasses import dataclass

import numpy as np

from mmselfhuman.structures import NUM_JOINTS, SIGMAS


@dataclass(frozen=True)
class Misses:
    """Counts over the frames of videos.

    Attributes:
        present: How many things (persons, joints) there were to find, frame by frame.
        missed: How many of them were not found.
        found_beside: How many of the missed were found one frame before or after.
    """

    present: int = 0
    missed: int = 0
    found_beside: int = 0

    def __add__(self, other: "Misses") -> "Misses":
        return Misses(self.present + other.present, self.missed + other.missed, self.found_beside + other.found_beside)

    @property
    def miss_rate(self) -> float:
        """Share of what was present that was missed; NaN if nothing was present."""
        return self.missed / self.present if self.present else float("nan")

    @property
    def share_beside(self) -> float:
        """Share of the missed that a neighbouring frame found; NaN if nothing was missed."""
        return self.found_beside / self.missed if self.missed else float("nan")


def count_misses(found: np.ndarray, present: np.ndarray) -> Misses:
    """Count one video's misses.

    Args:
        found: ``(T, ...)`` bool, what was found in each of T consecutive frames; ignored where not present.
        present: ``(T, ...)`` bool, what was there to be found.

    Raises:
        ValueError: If the shapes differ.
    """
    found, present = np.asarray(found, bool), np.asarray(present, bool)
    if found.shape != present.shape:
        raise ValueError(f"found and present must have one shape, got {found.shape} and {present.shape}")
    found = found & present
    missed = present & ~found
    beside = np.zeros_like(found)
    beside[1:] |= found[:-1]
    beside[:-1] |= found[1:]
    return Misses(int(present.sum()), int(missed.sum()), int((missed & beside).sum()))


def persons_found(prediction: np.ndarray, masks: np.ndarray, recall: float = 0.5) -> np.ndarray:
    """Which persons a semantic segmentation finds: those of whose visible pixels it calls this share 'person'.

    Args:
        prediction: ``(H, W)`` bool.
        masks: ``(N, H, W)`` bool, visible masks; an empty one is never found.
        recall: Least share.

    Returns:
        ``(N,)`` bool.

    Raises:
        ValueError: If the sizes differ.
    """
    masks = np.asarray(masks, bool)
    if masks.ndim != 3 or masks.shape[1:] != np.shape(prediction):
        raise ValueError(f"masks {masks.shape} must be (N, H, W) of the prediction's size {np.shape(prediction)}")
    hit = (masks & np.asarray(prediction, bool)).sum((1, 2))
    area = masks.sum((1, 2))
    return (area > 0) & (hit >= recall * area)


def joints_found(prediction: np.ndarray, truth: np.ndarray, area: np.ndarray, similarity: float = 0.5) -> np.ndarray:
    """Which joints a pose network finds: those whose term of OKS, ``exp(-d**2 / (2 area (2 sigma)**2))``, is this high.

    Args:
        prediction: ``(N, 17, 2+)`` pixels (x, y), person ``n`` for person ``n`` of the truth.
        truth: ``(N, 17, 2+)`` pixels (x, y).
        area: ``(N,)`` square pixels, OKS's scale.
        similarity: Least value of the term.

    Returns:
        ``(N, 17)`` bool.

    Raises:
        ValueError: If the shapes do not fit.
    """
    prediction, truth = np.asarray(prediction, float), np.asarray(truth, float)
    if prediction.shape[:2] != truth.shape[:2] or truth.shape[1] != NUM_JOINTS:
        raise ValueError(f"expected joints (N, {NUM_JOINTS}, 2), got {prediction.shape} and {truth.shape}")
    distance = ((prediction[..., :2] - truth[..., :2]) ** 2).sum(-1)
    variance = (2.0 * SIGMAS) ** 2
    term = np.exp(-distance / (2.0 * np.maximum(np.asarray(area, float), 1e-9)[:, None] * variance))
    return term >= similarity
