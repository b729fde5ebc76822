"""What TPR did to a few frames, side by side."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from mmselfhuman.visualization.flow import flow_to_colour, flow_wheel
from mmselfhuman.visualization.overlays import draw_masks, draw_text
from mmselfhuman.visualization.palette import Colour, person_colour
from mmselfhuman.visualization.reliability import dimmed, draw_reliability, draw_unreliable_vectors
from mmselfhuman.visualization.sheets import contact_sheet

GAINED: Colour = (60, 220, 60)
"""BGR of pixels that the refinement gave to a class that is not background (green)."""

LOST: Colour = (60, 60, 255)
"""BGR of pixels that it gave to the background (red)."""

CHANGED: Colour = (255, 160, 40)
"""BGR of pixels that went from one class to another (blue)."""

_IGNORED_LABEL = 255
_IGNORED: Colour = (128, 128, 128)
_KEYS = {"change": " (green won, red lost)", "unreliable": " (green: replaced)"}
_FULL_COLOUR = 0.03  # vectors as long as this share of the diagonal have the full colour


@dataclass(frozen=True, eq=False)
class TPRFrame:
    """A frame, what the network said about it, and what TPR made of that.

    Attributes:
        index: Of the frame in its video.
        image: ``(H, W, 3)`` uint8, BGR.
        before: ``(H, W)`` integer labels of the network, 0 is background, 255 unsure.
        after: ``(H, W)`` likewise, refined.
        flow: ``(2, H, W)`` to the next frame, in pixels, (x, y), as estimated; ``None`` if there is no next frame.
        refined_flow: ``(2, H, W)`` after the search.
        unreliable: ``(H, W)`` bool, the vectors that linked different labels.
        reliability: ``(h, w)`` in [0, 1], how far the frames around confirm ``before``; of any size.
    """

    index: int
    image: np.ndarray
    before: np.ndarray
    after: np.ndarray
    flow: np.ndarray | None = None
    refined_flow: np.ndarray | None = None
    unreliable: np.ndarray | None = None
    reliability: np.ndarray | None = None

    def __post_init__(self) -> None:
        size = self.image.shape[:2]
        expected = {"before": size, "after": size, "unreliable": size, "flow": (2, *size), "refined_flow": (2, *size)}
        for name, shape in expected.items():
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise ValueError(f"frame {self.index}: expected {name} of shape {shape}, got {value.shape}")

    def scaled(self, width: int) -> "TPRFrame":
        """The same, enlarged or reduced to a width in pixels, so that lines are drawn at the size of the result."""
        factor = width / self.image.shape[1]
        size = width, max(1, round(self.image.shape[0] * factor))

        def nearest(field: np.ndarray) -> np.ndarray:
            return cv2.resize(np.ascontiguousarray(field), size, interpolation=cv2.INTER_NEAREST)

        def flow(field: np.ndarray | None) -> np.ndarray | None:
            return None if field is None else np.stack([nearest(channel) for channel in field]) * np.float32(factor)

        smooth = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        return replace(
            self,
            image=cv2.resize(self.image, size, interpolation=smooth),
            before=nearest(self.before.astype(np.int32)),
            after=nearest(self.after.astype(np.int32)),
            flow=flow(self.flow),
            refined_flow=flow(self.refined_flow),
            unreliable=None if self.unreliable is None else nearest(self.unreliable.astype(np.uint8)) > 0,
        )


def draw_labels(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Tint and outline every class but the background (0); unsure pixels (255) are grey.

    Args:
        image: ``(H, W, 3)`` uint8, BGR.
        labels: ``(H, W)`` integers.
    """
    present = [int(label) for label in np.unique(labels) if label]
    colours = [_IGNORED if label == _IGNORED_LABEL else person_colour(label - 1) for label in present]
    return draw_masks(image, np.array([labels == label for label in present]).reshape(-1, *labels.shape), None, colours)


def draw_changes(image: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Which pixels have another label than before: green won, red lost to the background, blue between classes.

    Args:
        image: ``(H, W, 3)`` uint8, BGR; it is shown in dim grey.
        before, after: ``(H, W)`` integer labels.
    """
    changed = np.asarray(before) != after
    canvas = dimmed(image)
    canvas[changed] = CHANGED
    canvas[changed & (np.asarray(before) == 0)] = GAINED
    canvas[changed & (np.asarray(after) == 0)] = LOST
    return canvas


def with_flow_legend(image: np.ndarray, max_length: float) -> np.ndarray:
    """The image of a flow field with the colour wheel, and the length of its rim in pixels, in the lower right corner.

    Args:
        image: ``(H, W, 3)`` uint8, BGR, of :func:`~mmselfhuman.visualization.flow_to_colour`.
        max_length: Length of a vector of full colour, in pixels; what is written.
    """
    canvas = np.array(image)
    side = min(canvas.shape[:2]) // 4
    if side < 16:
        return canvas
    y, x = canvas.shape[0] - side - 2, canvas.shape[1] - side - 2
    disk = np.zeros((side, side), np.uint8)
    cv2.circle(disk, (side // 2, side // 2), side // 2, 1, cv2.FILLED)
    canvas[y : y + side, x : x + side][disk > 0] = flow_wheel(side)[disk > 0]
    cv2.circle(canvas, (x + side // 2, y + side // 2), side // 2, (0, 0, 0), 1, cv2.LINE_AA)
    draw_text(canvas, f"{max_length:.0f} px", (x, y - 3))
    return canvas


Panel = Callable[[TPRFrame, float], np.ndarray | None]

PANELS: dict[str, Panel] = {
    "frame": lambda frame, _: frame.image,
    "network": lambda frame, _: draw_labels(frame.image, frame.before),
    "refined": lambda frame, _: draw_labels(frame.image, frame.after),
    "change": lambda frame, _: draw_changes(frame.image, frame.before, frame.after),
    "flow": lambda frame, length: None if frame.flow is None else flow_to_colour(frame.flow, length),
    "refined flow": lambda frame, length: (
        None if frame.refined_flow is None else flow_to_colour(frame.refined_flow, length)
    ),
    "unreliable": lambda frame, _: (
        None
        if frame.unreliable is None
        else draw_unreliable_vectors(frame.image, frame.flow, frame.unreliable, frame.refined_flow)
    ),
    "reliability": lambda frame, _: (
        None if frame.reliability is None else draw_reliability(frame.image, frame.reliability)
    ),
}
"""What a row of :func:`tpr_strip` shows, each from a frame and the length of a vector of full colour."""


def tpr_strip(
    frames: Sequence[TPRFrame],
    rows: Sequence[str] = tuple(PANELS),
    width: int | None = None,
    max_flow: float | None = None,
) -> np.ndarray:
    """A window of frames, one column each, and what is known about them, one row each.

    Args:
        frames: In temporal order.
        rows: Names of :data:`PANELS`. Rows of which nothing is known are left out.
        width: That frames are enlarged or reduced to, in pixels; their own if ``None``.
        max_flow: Length of a vector of full colour, in pixels of the frames as they are; 3% of their diagonal if
            ``None``.

    Returns:
        ``(H, W, 3)`` uint8, BGR.

    Raises:
        ValueError: No frames, or an unknown row.
    """
    if not frames:
        raise ValueError("a strip needs at least one frame")
    unknown = [row for row in rows if row not in PANELS]
    if unknown:
        raise ValueError(f"rows: expected some of {', '.join(PANELS)}, got {', '.join(unknown)}")
    own_height, own_width = frames[0].image.shape[:2]
    max_flow = _FULL_COLOUR * math.hypot(own_height, own_width) if max_flow is None else max_flow
    length = max_flow
    if width is not None:
        frames, length = [frame.scaled(width) for frame in frames], max_flow * width / own_width
    images, captions = [], []
    for row in rows:
        panels = [PANELS[row](frame, length) for frame in frames]
        if all(panel is None for panel in panels):
            continue
        panels = [np.zeros_like(frames[0].image) if panel is None else panel for panel in panels]
        if "flow" in row:
            panels[0] = with_flow_legend(panels[0], max_flow)
        images += panels
        captions += [f"{frame.index}: {row}{_KEYS.get(row, '')}" for frame in frames]
    return contact_sheet(images, len(frames), captions)


def tpr_overlay(frame: TPRFrame) -> np.ndarray:
    """The network's mask and the refined one side by side, for a video; ``(H, 2 * W, 3)`` uint8, BGR."""
    panels = [draw_labels(frame.image, labels) for labels in (frame.before, frame.after)]
    for panel, name in zip(panels, ("network", "refined"), strict=True):
        draw_text(panel, name, (4, panel.shape[0] - 6))
    return np.hstack(panels)


def add_tpr_strip(visualizer: Any, name: str, frames: Sequence[TPRFrame], step: int, **settings: Any) -> None:
    """Send a strip to all backends of MMEngine's visualizer (files, TensorBoard, ...).

    Args:
        visualizer: An MMEngine ``Visualizer``, e.g. ``runner.visualizer``.
        name: Of the image; slashes group images in TensorBoard.
        frames: Of one window.
        step: Iteration, epoch or round that the image belongs to.
        settings: As of :func:`tpr_strip`.
    """
    strip = tpr_strip(frames, **settings)
    visualizer.add_image(name, cv2.cvtColor(strip, cv2.COLOR_BGR2RGB), step=step)
