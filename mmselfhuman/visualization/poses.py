"""What GBSR did to poses, drawn: the action at every joint, visibility scores, errors over time.

Images are ``(H, W, 3)`` uint8 BGR; every function returns a new one.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from mmselfhuman.models.gbsr.clip import JointAction, RefinedPerson
from mmselfhuman.structures import JOINTS, LIMBS, NUM_JOINTS
from mmselfhuman.visualization.overlays import draw_text
from mmselfhuman.visualization.palette import Colour, person_colour

ACTION_COLOURS: dict[JointAction, Colour] = {
    JointAction.KEPT: (200, 200, 200),
    JointAction.MOVED: (60, 220, 255),
    JointAction.SWAPPED: (255, 80, 220),
    JointAction.RECOVERED: (90, 230, 60),
}
"""BGR: kept grey, moved yellow, swapped magenta, recovered green."""

BEFORE: Colour = (80, 160, 255)
AFTER: Colour = (60, 200, 60)

_SHIFT = 4
_PAPER, _INK = 255, (60, 60, 60)
_CELL, _MARGIN, _PANEL = 14, 110, (220, 120)


def draw_refined(
    image: np.ndarray, persons: Sequence[RefinedPerson], least_score: float = 0.0, legend: bool = True
) -> np.ndarray:
    """Draw refined persons: limbs in the colour of the track, joints in that of what was done to them.

    Args:
        image: ``(H, W, 3)`` uint8.
        persons: Of this frame. Absent joints are not drawn.
        least_score: Nor are joints with a lower score.
        legend: Name the colours in the lower left corner.
    """
    canvas = np.array(image, order="C")
    for person in persons:
        there = (person.actions != JointAction.ABSENT) & (person.keypoints[:, 2] >= least_score)
        points = np.where(there[:, None], person.keypoints[:, :2], 0.0)
        extent = np.ptp(points[there], axis=0).max() if there.any() else 0.0
        width = int(np.clip(extent / 80, 1, 4))
        places = [tuple(round(float(value) * (1 << _SHIFT)) for value in np.clip(p, -9e3, 9e3)) for p in points]
        for a, b in LIMBS:
            if there[a] and there[b]:
                cv2.line(canvas, places[a], places[b], person_colour(person.track_id), width, cv2.LINE_AA, _SHIFT)
        for joint in np.flatnonzero(there):
            colour = ACTION_COLOURS[JointAction(int(person.actions[joint]))]
            cv2.circle(canvas, places[joint], (2 * width) << _SHIFT, colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)
            cv2.circle(canvas, places[joint], (2 * width) << _SHIFT, (0, 0, 0), 1, cv2.LINE_AA, _SHIFT)
    if legend:
        step = max(12, canvas.shape[0] // 30)
        for row, (action, colour) in enumerate(reversed(ACTION_COLOURS.items())):
            draw_text(canvas, action.name.lower(), (4, canvas.shape[0] - 4 - row * step), colour)
    return canvas


def visibility_matrix(visibility: np.ndarray, title: str = "") -> np.ndarray:
    """The visibility scores of one person: a row for each joint, a column for each frame, white for 0 to blue for 1.

    Args:
        visibility: ``(T, 17)`` in [0, 1]; NaN (hatched) where the person is not in the frame.
        title: ASCII text above it.

    Raises:
        ValueError: The shape is another.
    """
    visibility = _frames_of_joints(visibility, "visibility")
    frames = len(visibility)
    height, width = NUM_JOINTS * _CELL + 34, _MARGIN + max(frames, 12) * _CELL + 6
    canvas = np.full((height, width, 3), _PAPER, np.uint8)
    for t, joint in np.ndindex(frames, NUM_JOINTS):
        corner = (_MARGIN + t * _CELL, 20 + joint * _CELL)
        far = (corner[0] + _CELL - 2, corner[1] + _CELL - 2)
        score = visibility[t, joint]
        if np.isfinite(score):
            share = float(np.clip(score, 0, 1))
            colour = tuple(round(255 * (1 - share) + value * share) for value in (170, 90, 20))
            cv2.rectangle(canvas, corner, far, colour, cv2.FILLED)
        else:
            cv2.line(canvas, corner, far, (200, 200, 200), 1)
        cv2.rectangle(canvas, corner, far, (225, 225, 225), 1)
    for joint, name in enumerate(JOINTS):
        _write(canvas, name.replace("_", " "), (4, 20 + joint * _CELL + 10))
    for t in range(0, frames, 5):
        _write(canvas, str(t), (_MARGIN + t * _CELL, height - 4))
    _write(canvas, title, (4, 13))
    return canvas


def error_curves(before: np.ndarray, after: np.ndarray, unit: str = "px") -> np.ndarray:
    """Distance from the truth over time, a panel for each joint: orange before, green after refinement.

    Args:
        before: ``(T, 17)``, NaN where the joint is missing: there the curve has a gap.
        after: ``(T, 17)``.
        unit: Of the errors, for the axis.

    Raises:
        ValueError: The shapes differ or are others.
    """
    before, after = _frames_of_joints(before, "before"), _frames_of_joints(after, "after")
    if len(before) != len(after):
        raise ValueError(f"errors of {len(before)} frames before, but of {len(after)} after")
    finite = np.concatenate([before, after])
    finite = finite[np.isfinite(finite)]
    top = max(float(np.percentile(finite, 98)), 1.0) if len(finite) else 1.0
    columns, (width, height) = 5, _PANEL
    rows = -(-(NUM_JOINTS + 1) // columns)
    canvas = np.full((rows * height, columns * width, 3), _PAPER, np.uint8)
    for joint, name in enumerate(JOINTS):
        x, y = joint % columns * width, joint // columns * height
        cv2.rectangle(canvas, (x + 4, y + 16), (x + width - 6, y + height - 6), (215, 215, 215), 1)
        _write(canvas, name.replace("_", " "), (x + 6, y + 12))
        for errors, colour in ((before[:, joint], BEFORE), (after[:, joint], AFTER)):
            _curve(canvas, errors / top, (x + 6, y + 18, width - 14, height - 26), colour)
    x, y = NUM_JOINTS % columns * width + 8, NUM_JOINTS // columns * height + 36
    for row, (text, colour) in enumerate(
        (("before", BEFORE), ("after", AFTER), (f"0 to {top:.1f} {unit}", _INK), (f"{len(before)} frames", _INK))
    ):
        _write(canvas, text, (x, y + 16 * row), colour)
    return canvas


def _curve(canvas: np.ndarray, heights: np.ndarray, frame: tuple[int, int, int, int], colour: Colour) -> None:
    x, y, width, height = frame
    step = width / max(len(heights) - 1, 1)
    places = [
        (round(x + t * step), round(y + height * (1 - min(float(value), 1.0)))) if np.isfinite(value) else None
        for t, value in enumerate(heights)
    ]
    for first, second in zip(places, [*places[1:], None], strict=True):
        if first is not None and second is not None:
            cv2.line(canvas, first, second, colour, 1, cv2.LINE_AA)
        if first is not None:
            cv2.circle(canvas, first, 2, colour, cv2.FILLED, cv2.LINE_AA)


def _write(canvas: np.ndarray, text: str, place: tuple[int, int], colour: Colour = _INK) -> None:
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, colour, 1, cv2.LINE_AA)


def _frames_of_joints(values: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != NUM_JOINTS:
        raise ValueError(f"{name} must have shape (T, {NUM_JOINTS}), got {values.shape}")
    return values
