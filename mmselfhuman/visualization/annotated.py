"""An image with whatever is annotated in it, gathered from any source in one form that can be drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from mmselfhuman.structures import NUM_JOINTS, Person
from mmselfhuman.visualization.overlays import draw_boxes, draw_masks, draw_skeletons
from mmselfhuman.visualization.palette import Colour, person_colour

IGNORED: Colour = (128, 128, 128)
"""BGR of regions and persons that are neither learned nor counted."""

_IGNORED_LABEL = 255


@dataclass(frozen=True, eq=False)
class Annotated:
    """An image and its annotations; what is ``None`` is not annotated.

    Attributes:
        image: ``(H, W, 3)`` uint8, BGR.
        masks: ``(N, H, W)`` bool.
        colours: ``(N,)`` BGR colours of the masks; by ``ids`` if ``None``.
        keypoints: ``(P, 17, 3)`` of ``(x, y, v)``: pixels, COCO's visibility.
        boxes: ``(M, 4)`` of ``(x, y, w, h)`` in pixels.
        ids: ``(P,)`` track ids of the persons.
    """

    image: np.ndarray
    masks: np.ndarray | None = None
    colours: Sequence[Colour] | None = None
    keypoints: np.ndarray | None = None
    boxes: np.ndarray | None = None
    ids: Sequence[int] | None = None

    @classmethod
    def of_persons(cls, image: np.ndarray, persons: Sequence[Person]) -> "Annotated":
        """What a person file says about an image: visible masks, joints, boxes. Crowds are grey."""
        from pycocotools import mask as rle

        height, width = image.shape[:2]
        masks = [np.zeros((height, width)) if person.mask is None else rle.decode(person.mask) for person in persons]
        keypoints = [np.zeros((NUM_JOINTS, 3)) if p.keypoints is None else p.keypoints for p in persons]
        ids = [number if person.track_id is None else person.track_id for number, person in enumerate(persons)]
        return cls(
            image,
            np.array(masks, bool).reshape(-1, height, width),
            [IGNORED if person.crowd else person_colour(number) for number, person in zip(ids, persons, strict=True)],
            np.array(keypoints).reshape(-1, NUM_JOINTS, 3),
            np.array([person.box for person in persons]).reshape(-1, 4),
            ids,
        )

    @classmethod
    def of_results(cls, results: Mapping[str, Any], metainfo: Mapping[str, Any]) -> "Annotated":
        """What the transforms of an MM pipeline have made of a sample, before it is packed.

        Args:
            results: Has ``img``, and some of ``gt_seg_map`` (mmseg), ``gt_bboxes`` and ``gt_masks`` (mmdet),
                ``keypoints`` or ``transformed_keypoints`` (mmpose).
            metainfo: Of the dataset; its ``classes`` and ``palette`` colour a ``gt_seg_map``.

        Raises:
            ValueError: There is no image.
        """
        if results.get("img") is None:
            raise ValueError(f"the pipeline loads no image: its results are {sorted(results)}")
        image = np.clip(results["img"], 0, 255).astype(np.uint8)
        masks, colours = _instance_masks(results) if "gt_masks" in results else _class_masks(results, metainfo)
        return cls(image, masks, colours, _keypoints(results), _boxes(results))

    def scaled(self, factor: float) -> "Annotated":
        """The same, enlarged or reduced, so that lines and joints are drawn at the size of the result."""
        if factor == 1:
            return self
        size = tuple(max(1, round(side * factor)) for side in self.image.shape[1::-1])
        masks = self.masks
        if masks is not None:
            enlarged = [cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) for mask in masks]
            masks = np.array(enlarged, bool).reshape(-1, *size[::-1])
        keypoints = None if self.keypoints is None else np.array(self.keypoints, float)
        if keypoints is not None:
            keypoints[..., :2] = (keypoints[..., :2] + 0.5) * factor - 0.5
        return Annotated(
            cv2.resize(self.image, size, interpolation=cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA),
            masks,
            self.colours,
            keypoints,
            None if self.boxes is None else np.asarray(self.boxes, float) * factor,
            self.ids,
        )

    def draw(self) -> np.ndarray:
        """``(H, W, 3)`` uint8, BGR: the image under its masks, boxes and skeletons."""
        canvas = self.image.copy()
        if self.masks is not None:
            canvas = draw_masks(canvas, self.masks, self.ids if self.colours is None else None, self.colours)
        if self.boxes is not None:
            canvas = draw_boxes(canvas, self.boxes, self.ids)
        if self.keypoints is not None:
            canvas = draw_skeletons(canvas, self.keypoints, self.ids)
        return canvas


def _class_masks(results: Mapping, metainfo: Mapping) -> tuple[np.ndarray | None, list[Colour] | None]:
    labels = results.get("gt_seg_map")
    if labels is None:
        return None, None
    classes, palette = metainfo.get("classes") or (), metainfo.get("palette") or ()
    present = [int(label) for label in np.unique(labels)]
    drawn = [label for label in present if not (label < len(classes) and classes[label] == "background")]
    colours = []
    for label in drawn:
        if label == _IGNORED_LABEL:
            colours.append(IGNORED)
        else:
            colours.append(tuple(palette[label][::-1]) if label < len(palette) else person_colour(label))
    return np.array([labels == label for label in drawn]).reshape(-1, *labels.shape), colours


def _instance_masks(results: Mapping) -> tuple[np.ndarray, list[Colour]]:
    masks = np.asarray(results["gt_masks"].to_ndarray(), bool)
    ignored = results.get("gt_ignore_flags", np.zeros(len(masks), bool))
    return masks, [IGNORED if flag else person_colour(number) for number, flag in enumerate(ignored)]


def _boxes(results: Mapping) -> np.ndarray | None:
    boxes = results.get("gt_bboxes")
    if boxes is None:
        return None
    boxes = np.asarray(getattr(boxes, "tensor", boxes), float).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def _keypoints(results: Mapping) -> np.ndarray | None:
    places = results.get("transformed_keypoints", results.get("keypoints"))
    if places is None or np.shape(places)[1] != NUM_JOINTS:
        return None
    return np.concatenate([places, _visibility(results)[..., None]], axis=-1)


def _visibility(results: Mapping) -> np.ndarray:
    """``(P, 17)`` COCO visibility of joints that the pipeline keeps. Pipelines only know whether a joint is labelled;
    the annotation also says whether it is hidden."""
    labelled = np.asarray(results["keypoints_visible"])
    labelled = (labelled if labelled.ndim == 2 else labelled[..., 0]) > 0
    annotations = results.get("raw_ann_info")
    annotations = [annotations] if isinstance(annotations, Mapping) else annotations
    if annotations is None or len(annotations) != len(labelled):  # a transform may have dropped persons
        return 2.0 * labelled
    annotated = np.reshape([person["keypoints"] for person in annotations], (-1, NUM_JOINTS, 3))[..., 2]
    if results.get("flip"):
        annotated = annotated[:, results["flip_indices"]]
    return annotated * labelled
