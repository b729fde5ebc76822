"""COCOeval's matching and averaging for many images in one step, equal to it in every digit.

COCOeval takes a detection after the other, for one image, threshold and range of areas at a time. What a detection is
matched with depends on better ones in its own image only, so here all images and thresholds take that step together.
Similarities come from pycocotools (masks, boxes) or from its formula in its order of operations (OKS).

Symbols: N images, D detections of an image, G ground truths of an image, T thresholds of IoU, R of recall.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

from mmselfhuman.structures import NUM_JOINTS, SIGMAS

_IMAGES_PER_STEP = 256
"""So many images' similarities are in memory together, and in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Detections:
    """COCO results by column: a hundred thousand dictionaries would keep Python's garbage collector busy.

    Attributes:
        image_ids: Of each of the n detections.
        category_ids: Likewise.
        scores: ``(n,)``.
        values: n compressed RLEs, ``(n, 4)`` boxes x, y, w, h, or ``(n, 51)`` keypoints x, y, anything.
        areas: ``(n,)`` in square pixels.
    """

    image_ids: list
    category_ids: list
    scores: np.ndarray
    values: list[dict] | np.ndarray
    areas: np.ndarray


def precision_and_recall(
    truths: Sequence[dict],
    detections: Detections,
    iou_type: str,
    images: dict,
    category_ids: Sequence[int],
    ignored: AbstractSet[int],
    areas: Sequence[tuple[float, float]],
    max_dets: Sequence[int],
    iou_thresholds: np.ndarray,
    recall_thresholds: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """What COCOeval accumulates.

    Args:
        truths: COCO annotations with ``id``, ``image_id``, ``category_id``, ``area``, ``iscrowd`` and what the type
            needs: ``segmentation``, ``bbox``, or ``bbox``, ``keypoints`` and ``num_keypoints``.
        detections: What was found, on images of ``images`` only.
        iou_type: 'segm', 'keypoints' or 'bbox'.
        images: COCO's images by id.
        category_ids: The K categories.
        ignored: Ids of truths that do not count.
        areas: A ranges of areas, both ends included.
        max_dets: M limits of detections per image and category, ascending.
        iou_thresholds: ``(T,)``.
        recall_thresholds: ``(R,)``.

    Returns:
        ``(T, R, K, A, M)`` precision and ``(T, K, A, M)`` recall, -1 where there is nothing to find.
    """
    shape = len(iou_thresholds), len(category_ids), len(areas), len(max_dets)
    precision, recall = np.full((shape[0], len(recall_thresholds), *shape[1:]), -1.0), np.full(shape, -1.0)
    positions = {image_id: position for position, image_id in enumerate(sorted(images))}
    everywhere = np.array([positions[image_id] for image_id in detections.image_ids], int)
    categories = np.array(detections.category_ids)
    truths = [truth for truth in truths if truth["image_id"] in positions]
    for k, category_id in enumerate(category_ids):
        found = np.flatnonzero(categories == category_id)
        order, ranks = _by_image(everywhere[found], -detections.scores[found], max_dets[-1])
        found = found[order]
        wanted = sorted(
            (truth for truth in truths if truth["category_id"] == category_id), key=lambda t: positions[t["image_id"]]
        )
        truth_places = np.array([positions[truth["image_id"]] for truth in wanted], int)
        similarities = Similarities(iou_type, detections, found, wanted, images)
        groups = list(_groups(everywhere[found], truth_places, len(positions), similarities))
        never_counts = np.array([_never_counts(truth, ignored) for truth in wanted], bool)
        truth_areas = np.array([truth["area"] for truth in wanted], float)
        best_first = np.argsort(-detections.scores[found], kind="stable")
        for a, area in enumerate(areas):
            uncounted = never_counts | _outside(truth_areas, area)
            right, wrong = _outcomes(groups, len(found), uncounted, iou_thresholds)
            wrong &= ~_outside(detections.areas[found], area)
            num_wanted = np.count_nonzero(~uncounted)
            for m, limit in enumerate(max_dets):
                if num_wanted:
                    order = best_first[ranks[best_first] < limit]
                    precision[:, :, k, a, m], recall[:, k, a, m] = _curves(
                        right[:, order], wrong[:, order], num_wanted, recall_thresholds
                    )
    return precision, recall


class Similarities:
    """IoU or OKS of detections with ground truths of their image.

    Attributes:
        crowd: Whether each truth is a crowd, which any number of detections may match.

    Args:
        iou_type: 'segm', 'keypoints' or 'bbox'.
        detections: All detections.
        found: Indices of those to compare; an image's are neighbours.
        truths: The ground truths, likewise.
        images: COCO's images by id.
    """

    def __init__(
        self, iou_type: str, detections: Detections, found: np.ndarray, truths: Sequence[dict], images: dict
    ) -> None:
        self._is_crowd = [truth["iscrowd"] for truth in truths]
        self.crowd = np.array(self._is_crowd, bool)
        self._between = self._oks if iou_type == "keypoints" else self._iou
        if iou_type == "segm":
            self._found = [detections.values[index] for index in found]
            self._wanted = [_to_rle(truth["segmentation"], images[truth["image_id"]]) for truth in truths]
            return
        self._found = detections.values[found]
        self._wanted = np.array([truth["bbox"] for truth in truths], float).reshape(-1, 4)
        if iou_type == "keypoints":
            self._found = self._found.reshape(-1, NUM_JOINTS, 3)[:, None, :, :2]
            joints = np.array([truth["keypoints"] for truth in truths], float).reshape(-1, NUM_JOINTS, 3)
            self._joints, self._visible = joints[..., :2], joints[..., 2] > 0
            self._areas = np.array([truth["area"] for truth in truths], float)

    def between(self, found: slice, wanted: slice) -> np.ndarray:
        """``(D, G)`` of the detections and truths of an image."""
        return self._between(found, wanted)

    def _iou(self, found: slice, wanted: slice) -> np.ndarray:
        return coco_mask.iou(self._found[found], self._wanted[wanted], self._is_crowd[wanted])

    def _oks(self, found: slice, wanted: slice) -> np.ndarray:
        poses, visible = self._found[found], self._visible[wanted]
        away = poses - self._joints[wanted]
        for g in np.flatnonzero(~visible.any(axis=1)):
            # COCO takes how far joints are outside of a box three times as large.
            corner, size = np.split(self._wanted[wanted][g], 2)
            away[:, g] = np.maximum(0, corner - size - poses[:, 0])
            away[:, g] += np.maximum(0, poses[:, 0] - (corner + size * 2))
        squared = away[..., 0] ** 2 + away[..., 1] ** 2
        error = squared / (SIGMAS * 2) ** 2 / (self._areas[wanted] + np.spacing(1))[:, None] / 2
        similarity = np.empty(error.shape[:2])
        for g, seen in enumerate(visible):
            joints = np.flatnonzero(seen) if seen.any() else np.arange(NUM_JOINTS)
            similarity[:, g] = np.exp(-error[:, g].take(joints, axis=1)).sum(axis=1) / joints.size
        return similarity


class _Group:
    """Some images with their ``(N, D, G)`` similarities, -1 where an image has fewer.

    Attributes:
        found: ``(N, D)`` indices of detections, and ``(N, D)`` whether there is one.
        wanted: ``(N, G)`` indices of ground truths; any where there is none.
    """

    def __init__(self, found: Sequence[slice], wanted: Sequence[slice], similarities: Similarities) -> None:
        self.found, self.is_found = _table(found)
        self.wanted, _ = _table(wanted)
        self.similarity = np.full((len(found), self.found.shape[1], self.wanted.shape[1]), -1.0)
        for row, (some, others) in enumerate(zip(found, wanted, strict=True)):
            between = similarities.between(some, others)
            self.similarity[row, : between.shape[0], : between.shape[1]] = between
        self.crowd = similarities.crowd[self.wanted]

    def match(self, uncounted: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the detections of each image, best first, the most similar truth that is free.

        One that does not count is taken only where none that counts is similar enough; of equals, the last.

        Args:
            uncounted: ``(N, G)`` truths that do not count.
            thresholds: ``(T,)`` least similarities.

        Returns:
            ``(N, D, T)`` whether a detection has a truth that counts, and one that does not.
        """
        least = np.minimum(thresholds, 1 - 1e-10)[:, None]
        counted = ~uncounted[:, None]
        free = np.ones((len(self.similarity), len(thresholds), self.similarity.shape[2]), bool)
        right = np.zeros((*self.similarity.shape[:2], len(thresholds)), bool)
        excused = np.zeros_like(right)
        for rank in range(self.similarity.shape[1]):
            near = self.similarity[:, rank, None]
            fits = free & (near >= least)
            first_choice = fits & counted
            fits = np.where(first_choice.any(axis=2, keepdims=True), first_choice, fits)
            best = fits.shape[2] - 1 - np.where(fits, near, -1)[..., ::-1].argmax(axis=2)
            image, threshold = np.nonzero(fits.any(axis=2))
            chosen = best[image, threshold]
            free[image, threshold, chosen] = self.crowd[image, chosen]
            excused[image, rank, threshold] = uncounted[image, chosen]
            right[image, rank, threshold] = ~uncounted[image, chosen]
        return right, excused


def _by_image(places: np.ndarray, keys: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices by image, then by key; the first ``limit`` of each image, and their ranks in it."""
    order = np.lexsort((keys, places))
    sorted_places = places[order]
    ranks = np.arange(len(places)) - np.searchsorted(sorted_places, sorted_places)
    kept = ranks < limit
    return order[kept], ranks[kept]


def _groups(
    places: np.ndarray, truth_places: np.ndarray, num_images: int, similarities: Similarities
) -> Iterator[_Group]:
    """Images with detections and truths; those with similar numbers of them together."""
    found, wanted = (np.searchsorted(side, np.arange(num_images + 1)) for side in (places, truth_places))
    num_found, num_wanted = np.diff(found), np.diff(wanted)
    both = np.flatnonzero((num_found > 0) & (num_wanted > 0))
    both = both[np.lexsort((num_found[both], num_wanted[both]))]
    for start in range(0, len(both), _IMAGES_PER_STEP):
        chosen = both[start : start + _IMAGES_PER_STEP]
        yield _Group(*([slice(ends[i], ends[i + 1]) for i in chosen] for ends in (found, wanted)), similarities)


def _table(slices: Sequence[slice]) -> tuple[np.ndarray, np.ndarray]:
    """Indices in slices, a row each, and whether they are in it; beyond its end they point to its first."""
    starts, stops = (np.array(ends)[:, None] for ends in zip(*((s.start, s.stop) for s in slices), strict=True))
    indices = starts + np.arange((stops - starts).max())
    inside = indices < stops
    return np.where(inside, indices, starts), inside


def _outcomes(
    groups: Sequence[_Group], num_found: int, uncounted: np.ndarray, thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """``(T, all detections)`` whether a detection is right, and whether it has no truth at all."""
    right, wrong = np.zeros((len(thresholds), num_found), bool), np.ones((len(thresholds), num_found), bool)
    for group in groups:
        hits, excused = (each[group.is_found].T for each in group.match(uncounted[group.wanted], thresholds))
        indices = group.found[group.is_found]
        right[:, indices], wrong[:, indices] = hits, ~(hits | excused)
    return right, wrong


def _curves(
    right: np.ndarray, wrong: np.ndarray, num_wanted: int, recall_thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """``(T, R)`` interpolated precision and ``(T,)`` recall of detections ``(T, n)``, best first."""
    hits, misses = (np.cumsum(each, axis=1).astype(float) for each in (right, wrong))
    recalls = hits / num_wanted
    precisions = np.divide(hits, hits + misses, out=np.zeros_like(hits), where=hits + misses > 0)
    best_from_here = np.maximum.accumulate(precisions[:, ::-1], axis=1)[:, ::-1]
    beyond = np.zeros((len(hits), 1))
    reached = np.stack([np.searchsorted(recall, recall_thresholds) for recall in recalls])
    curves = np.take_along_axis(np.concatenate([best_from_here, beyond], axis=1), reached, axis=1)
    return curves, np.concatenate([beyond, recalls], axis=1)[:, -1]


def _never_counts(truth: dict, ignored: AbstractSet[int]) -> bool:
    return bool(truth["iscrowd"]) or truth.get("num_keypoints") == 0 or truth["id"] in ignored


def _outside(areas: np.ndarray, area: tuple[float, float]) -> np.ndarray:
    return (areas < area[0]) | (areas > area[1])


def _to_rle(segmentation: list | dict, image: dict) -> dict:
    """COCO's ``annToRLE``: of polygons, or of an RLE that may be uncompressed."""
    if isinstance(segmentation, dict) and not isinstance(segmentation["counts"], list):
        return segmentation
    rle = coco_mask.frPyObjects(segmentation, image["height"], image["width"])
    return coco_mask.merge(rle) if isinstance(rle, list) else rle
