"""The motion of a clip as joints need it: where a point of one frame went in another, and how well that is known."""

from collections.abc import Sequence

import numpy as np


class ClipMotion:
    """Optical flow between all neighbouring frames of a clip, both ways.

    Points are ``(x, y)`` in pixels; frames count from 0.

    Args:
        forward: For every frame but the last, ``(2, H, W)`` flow in pixels, (x, y), to the next frame.
        backward: For every frame but the first, the flow to the frame before it; ``backward[t]`` goes from frame ``t +
            1`` to ``t``. Left out, a step back is the forward flow's negative at the same pixel, as in the paper.

    Raises:
        ValueError: The lists differ in length, or a flow is not ``(2, H, W)`` of one size with finite values.
    """

    def __init__(self, forward: Sequence[np.ndarray], backward: Sequence[np.ndarray] | None = None) -> None:
        self._forward = [_checked(flow, f"forward[{t}]") for t, flow in enumerate(forward)]
        given = [-flow for flow in self._forward] if backward is None else backward
        self._backward = [_checked(flow, f"backward[{t}]") for t, flow in enumerate(given)]
        if len(self._forward) != len(self._backward):
            raise ValueError(f"got {len(self._forward)} forward flows but {len(self._backward)} backward flows")
        sizes = {flow.shape for flow in self._forward + self._backward}
        if len(sizes) > 1:
            raise ValueError(f"all flows of a clip must have one size, got {sorted(sizes)}")

    def __len__(self) -> int:
        """How many frames the clip has."""
        return len(self._forward) + 1

    def carry(self, points: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Follow points from frame to frame, equations (6)-(9): each step's flow is read where the last one arrived.

        Args:
            points: ``(..., 2)`` in frame ``start``; outside the frame the flow of the nearest pixel counts.
            start, stop: Frames, in either order.

        Returns:
            ``(..., 2)`` float64 in frame ``stop``.

        Raises:
            IndexError: The clip has no such frame.
        """
        for frame in (start, stop):
            if not 0 <= frame < len(self):
                raise IndexError(f"the clip has frames 0 to {len(self) - 1}, asked for {frame}")
        points = np.asarray(points, dtype=np.float64)
        for frame in range(start, stop):
            points = points + sample(self._forward[frame], points)
        for frame in range(start, stop, -1):
            points = points + sample(self._backward[frame - 1], points)
        return points

    def round_trip_error(self, points: np.ndarray, start: int, stop: int) -> np.ndarray:
        """How far from home points arrive that are carried from ``start`` to ``stop`` and back: ``(...)`` pixels."""
        points = np.asarray(points, dtype=np.float64)
        home = self.carry(self.carry(points, start, stop), stop, start)
        return np.linalg.norm(home - points, axis=-1)


def sample(field: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Read a field at points between its pixels.

    Args:
        field: ``(C, H, W)``.
        points: ``(..., 2)`` finite ``(x, y)`` in pixels; a pixel's centre has whole coordinates. Points outside take
            the value of the nearest place inside.

    Returns:
        ``(..., C)`` float64, bilinear.
    """
    height, width = field.shape[1:]
    x = np.clip(points[..., 0], 0, width - 1)
    y = np.clip(points[..., 1], 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    x, y = x - left, y - top
    upper = field[:, top, left] * (1 - x) + field[:, top, right] * x
    lower = field[:, bottom, left] * (1 - x) + field[:, bottom, right] * x
    return np.moveaxis(upper * (1 - y) + lower * y, 0, -1)


def _checked(flow: np.ndarray, name: str) -> np.ndarray:
    flow = np.asarray(flow)
    if flow.ndim != 3 or flow.shape[0] != 2 or 0 in flow.shape:
        raise ValueError(f"{name} must have shape (2, H, W), got {flow.shape}")
    if not np.isfinite(flow).all():
        raise ValueError(f"{name} must be finite")
    return flow
