"""Masks, skeletons and boxes drawn over an image.

Images are ``(H, W, 3)`` uint8 BGR; every ``draw_...`` of the public interface returns a new array.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from mmselfhuman.structures import JOINTS, LIMBS, NUM_JOINTS
from mmselfhuman.visualization.palette import LEFT, MIDDLE, RIGHT, Colour, person_colours

_SHIFT = 4  # OpenCV draws at 1/16 pixel


def draw_masks(
    image: np.ndarray,
    masks: np.ndarray,
    ids: Sequence[int] | None = None,
    colours: Sequence[Colour] | None = None,
    opacity: float = 0.45,
) -> np.ndarray:
    """Tint every person's mask and outline it.

    Args:
        image: ``(H, W, 3)`` uint8, BGR.
        masks: ``(N, H, W)`` bool (or anything that is true inside a person). Later masks are drawn over earlier ones.
        ids: ``(N,)`` track ids: a person keeps the colour of its id. By position if ``None``.
        colours: ``(N,)`` BGR colours, in place of the colours of ``ids``.
        opacity: Of the tint, 0 (outline only) to 1.

    Raises:
        ValueError: Shapes, or the number of ids or colours, do not fit together.
    """
    canvas = _canvas(image)
    masks = np.asarray(masks)
    if masks.ndim != 3 or masks.shape[1:] != canvas.shape[:2]:
        raise ValueError(f"expected masks of shape (N, {canvas.shape[0]}, {canvas.shape[1]}), got {masks.shape}")
    for mask, colour in zip(masks, _colours(len(masks), ids, colours), strict=True):
        draw_mask(canvas, mask != 0, (0, 0), colour, opacity)
    return canvas


def draw_mask(
    canvas: np.ndarray, mask: np.ndarray, place: tuple[int, int], colour: Colour, opacity: float = 0.45
) -> None:
    """Tint one person's mask and outline it *into* ``canvas``.

    Args:
        canvas: ``(H, W, 3)`` uint8, BGR.
        mask: ``(h, w)`` bool, a part of the image,
        place: whose first pixel is there, ``(x, y)``.
        colour: BGR.
        opacity: Of the tint, 0 (outline only) to 1.
    """
    mask = np.ascontiguousarray(mask).view(np.uint8)
    x, y, w, h = cv2.boundingRect(mask)
    if not w:
        return
    inside, x, y = mask[y : y + h, x : x + w], place[0] + x, place[1] + y
    part = canvas[y : y + h, x : x + w]
    solid = cv2.rectangle(part.copy(), (0, 0), (w, h), colour, cv2.FILLED)
    cv2.copyTo(cv2.addWeighted(part, 1 - opacity, solid, opacity, 0), inside, part)
    outlines, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE, offset=(x, y))
    cv2.drawContours(canvas, outlines, -1, colour, _thickness(canvas))


def draw_skeletons(
    image: np.ndarray,
    keypoints: np.ndarray,
    ids: Sequence[int] | None = None,
    hidden_from: float = 1,
    visible_from: float = 2,
) -> np.ndarray:
    """Draw persons' joints and limbs.

    The person's left side is orange, the right side blue, what joins them green. A visible joint is a filled disk, a
    hidden one a ring; a limb is thin where one of its ends is hidden. Joints are ringed in the colour of their person.

    Args:
        image: ``(H, W, 3)`` uint8, BGR.
        keypoints: ``(N, 17, 3)`` of ``(x, y, v)``: pixels, COCO joint order. Joints that are not finite are not drawn.
        ids: ``(N,)`` track ids: a person keeps the colour of its id. By position if ``None``.
        hidden_from: The least ``v`` of a joint that is drawn.
        visible_from: The least ``v`` of a joint that is drawn as visible. The defaults read ``v`` as COCO's visibility;
            for the scores of a pose network give thresholds, e.g. ``hidden_from=0.1, visible_from=0.3``.

    Raises:
        ValueError: Shapes, or the number of ids, do not fit together.
    """
    canvas = _canvas(image)
    keypoints = np.asarray(keypoints, dtype=np.float64)
    if keypoints.ndim != 3 or keypoints.shape[1:] != (NUM_JOINTS, 3):
        raise ValueError(f"expected keypoints of shape (N, {NUM_JOINTS}, 3), got {keypoints.shape}")
    for person, colour in zip(keypoints, person_colours(len(keypoints), ids), strict=True):
        drawn = np.isfinite(person).all(axis=1) & (person[:, 2] >= hidden_from)
        visible = drawn & (person[:, 2] >= visible_from)
        places = [_place(*point) for point in np.where(drawn[:, None], person[:, :2], 0)]
        extent = np.ptp(person[drawn, :2], axis=0).max() if drawn.any() else 0
        width = int(np.clip(extent / 60, 1, 2 * _thickness(canvas)))
        for a, b in LIMBS:
            if drawn[a] and drawn[b]:
                thickness = 2 * width if visible[a] and visible[b] else width
                cv2.line(canvas, places[a], places[b], _limb_colour(a, b), thickness, cv2.LINE_AA, _SHIFT)
        for joint in np.flatnonzero(drawn):
            radius = (2 * width) << _SHIFT
            if visible[joint]:
                cv2.circle(canvas, places[joint], radius, _joint_colour(joint), cv2.FILLED, cv2.LINE_AA, _SHIFT)
            cv2.circle(canvas, places[joint], radius, colour, 1, cv2.LINE_AA, _SHIFT)
    return canvas


def draw_boxes(
    image: np.ndarray,
    boxes: np.ndarray,
    ids: Sequence[int] | None = None,
    labels: Sequence[str] | None = None,
) -> np.ndarray:
    """Draw boxes and, above each, a label.

    Args:
        image: ``(H, W, 3)`` uint8, BGR.
        boxes: ``(N, 4)`` of ``(x, y, w, h)`` in pixels. Boxes that are not finite are not drawn.
        ids: ``(N,)`` track ids: a person keeps the colour of its id. By position if ``None``.
        labels: ``(N,)`` texts (ASCII).

    Raises:
        ValueError: Shapes, or the number of ids or labels, do not fit together.
    """
    canvas = _canvas(image)
    boxes = np.asarray(boxes, dtype=np.float64)
    if boxes.size == 0:
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"expected boxes of shape (N, 4), got {boxes.shape}")
    if labels is not None and len(labels) != len(boxes):
        raise ValueError(f"{len(labels)} labels were given for {len(boxes)} boxes")
    for number, (box, colour) in enumerate(zip(boxes, person_colours(len(boxes), ids), strict=True)):
        if not np.isfinite(box).all():
            continue
        x, y, w, h = box
        cv2.rectangle(
            canvas, _place(x, y), _place(x + w - 1, y + h - 1), colour, _thickness(canvas), cv2.LINE_AA, _SHIFT
        )
        if labels is not None:
            draw_text(canvas, labels[number], (round(x), round(y) - 3), colour)
    return canvas


def draw_text(canvas: np.ndarray, text: str, place: tuple[int, int], colour: Colour = (255, 255, 255)) -> None:
    """Write ASCII text with a dark rim *into* ``canvas``.

    Its baseline starts at ``place`` (x, y), or at the nearest place where the text begins inside the image.
    """
    scale = text_scale(canvas.shape[0])
    (_, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    place = (max(place[0], 1), int(np.clip(place[1], height + 1, canvas.shape[0] - 2)))
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)


def text_scale(height: int) -> float:
    """OpenCV's font scale for writing into an image of that many rows."""
    return float(np.clip(height / 700, 0.3, 1.0))


def _canvas(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"expected an image of shape (H, W, 3) and dtype uint8, got {image.shape} {image.dtype}")
    return np.array(image, order="C")


def _colours(count: int, ids: Sequence[int] | None, colours: Sequence[Colour] | None) -> list[Colour]:
    if colours is None:
        return person_colours(count, ids)
    if len(colours) != count:
        raise ValueError(f"{len(colours)} colours were given for {count} masks")
    return [tuple(map(int, colour)) for colour in colours]


def _thickness(canvas: np.ndarray) -> int:
    return max(1, round(min(canvas.shape[:2]) / 300))


def _place(x: float, y: float) -> tuple[int, int]:
    # Far outside the image the exact place no longer matters, and OpenCV takes 32-bit coordinates.
    return tuple(round(float(np.clip(c, -(2**20), 2**20)) * 2**_SHIFT) for c in (x, y))


def _joint_colour(joint: int) -> Colour:
    return LEFT if JOINTS[joint].startswith("left") else RIGHT if JOINTS[joint].startswith("right") else MIDDLE


def _limb_colour(a: int, b: int) -> Colour:
    # The nose is on the middle line: its limbs take the side of their other end.
    sides = {_joint_colour(a), _joint_colour(b)} - {MIDDLE}
    return sides.pop() if len(sides) == 1 else MIDDLE
