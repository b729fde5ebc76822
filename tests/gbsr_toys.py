"""A toy world for the tests of GBSR: stick figures that glide over a still background, with their exact flow."""

import numpy as np

from mmselfhuman.models.gbsr.motion import ClipMotion

STANDING = np.array(
    [
        (0, -40), (3, -43), (-3, -43), (7, -41), (-7, -41), (14, -26), (-14, -26), (20, -8), (-20, -8),
        (24, 9), (-24, 9), (9, 10), (-9, 10), (11, 34), (-11, 34), (12, 58), (-12, 58),
    ],
    dtype=float,
)  # fmt: skip
"""A person who looks at the viewer, around the origin; head size (ear to ear) 14, |neck - nose| 14."""

SIZE = (200, 320)


def person(x: float, y: float = 100.0, score: float = 0.8) -> np.ndarray:
    """``(17, 3)``."""
    return np.concatenate([STANDING + np.array([x, y]), np.full((17, 1), score)], axis=1)


def gliding(starts, velocities, frames: int, score: float = 0.8) -> list[np.ndarray]:
    """Poses of persons who start at ``x`` and move by ``velocity`` pixels a frame."""
    return [
        np.stack([person(x + t * v, score=score) for x, v in zip(starts, velocities, strict=True)])
        for t in range(frames)
    ]


def true_motion(poses: list[np.ndarray], velocities) -> ClipMotion:
    """Each person's box moves by its velocity, later persons in front; the background rests."""

    def flow(persons, sign):
        field = np.zeros((2, *SIZE))
        for pose, velocity in zip(persons, velocities, strict=True):
            x, y = pose[:, 0], pose[:, 1]
            window = np.s_[max(int(y.min()) - 12, 0) : int(y.max()) + 13, max(int(x.min()) - 12, 0) : int(x.max()) + 13]
            field[(0, *window)] = sign * velocity
        return field

    return ClipMotion([flow(p, 1) for p in poses[:-1]], [flow(p, -1) for p in poses[1:]])
