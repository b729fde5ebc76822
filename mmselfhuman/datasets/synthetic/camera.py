"""From the world to the picture: a weak-perspective camera that pans, shakes, rolls and zooms."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Camera:
    """How F frames look at the world. World lengths are adult statures, axes as in :mod:`kinematics`, ground at y = 0.

    Attributes:
        scale: Pixels per adult stature at the world's origin, zoom 1.
        elevation: How far the camera looks down, in radians.
        distance: Of the vanishing point, in statures; each person is scaled by its own distance (weak perspective).
        anchor: ``(x, y)`` pixel of the world's origin before pan, roll and zoom.
        pan: ``(F, 2)`` pixels. roll: ``(F,)`` radians. zoom: ``(F,)``.
    """

    scale: float
    elevation: float
    distance: float
    anchor: tuple[float, float]
    pan: np.ndarray
    roll: np.ndarray
    zoom: np.ndarray

    def depth_scale(self, z: np.ndarray) -> np.ndarray:
        """Pixels per adult stature for persons standing ``z`` towards the viewer, ``(F, ...)``; zoom included."""
        zoom = self.zoom.reshape(-1, *[1] * (z.ndim - 1))
        return self.scale * zoom / np.maximum(1.0 - z / self.distance, 0.3)

    def turned(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotate world vectors ``(F, ..., 3)`` into the picture's plane.

        Returns:
            ``(F, ..., 2)``, x to the right and y **down**, in statures; and ``(F, ...)``, how far they point to the
            viewer.
        """
        sin, cos = np.sin(self.elevation), np.cos(self.elevation)
        x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
        down = z * sin - y * cos
        shape = (-1, *[1] * (x.ndim - 1))
        roll_cos, roll_sin = np.cos(self.roll).reshape(shape), np.sin(self.roll).reshape(shape)
        flat = np.stack([x * roll_cos - down * roll_sin, x * roll_sin + down * roll_cos], -1)
        return flat, z * cos + y * sin

    def root(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels ``(F, P, 2)`` and nearness ``(F, P)`` of points ``(F, P, 3)`` of the world."""
        flat, near = self.turned(positions)
        return flat * self.depth_scale(positions[..., 2])[..., None] + (np.array(self.anchor) + self.pan)[:, None], near

    def backdrop(self) -> np.ndarray:
        """``(F, 2, 3)`` maps that carry the still backdrop, in pixels, into each frame."""
        cos, sin = np.cos(self.roll) * self.zoom, np.sin(self.roll) * self.zoom
        linear = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
        anchor = np.array(self.anchor)
        offset = anchor + self.pan - linear @ anchor
        maps = np.concatenate([linear, offset[..., None]], -1)
        return np.floor(maps * 2.0**20 + 0.5) * 2.0**-20
