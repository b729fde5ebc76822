"""Silhouettes: which texels of a flat part are inside, and how light falls on it.

A part's own coordinates are ``s`` along its axis and ``c`` across, in statures. A silhouette is a list of
``(s, left, right)``: the shape covers ``-left < c < right`` there, straight between the points. Everything is computed
with additions, products, quotients and square roots only, which IEEE 754 rounds alike everywhere, and ends in integers.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import sqrt

import numpy as np

from mmselfhuman.datasets.synthetic.randomness import Stream

Profile = tuple[tuple[float, float, float], ...]

_SUB = 4
_FLAT = ("slab", "board", "eye", "mouth", "brim")


@dataclass(frozen=True, eq=False)
class Shape:
    """A silhouette on a grid of texels.

    Attributes:
        origin: ``(s, c)`` of the outer corner of texel (0, 0).
        density: Texels per stature.
        alpha: ``(h, w)`` uint64, 0 outside to 256 inside; 128 and above count as belonging to the part.
        shade: ``(h, w)`` uint64, brightness 0 to 256.
    """

    origin: tuple[float, float]
    density: int
    alpha: np.ndarray
    shade: np.ndarray

    @cached_property
    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """``s (h, 1)`` and ``c (1, w)`` of the texels' centres."""
        height, width = self.alpha.shape
        s = self.origin[0] + (np.arange(height) + 0.5)[:, None] / self.density
        c = self.origin[1] + (np.arange(width) + 0.5)[None, :] / self.density
        return s, c


def _even(*points: tuple[float, float]) -> Profile:
    return tuple((s, half, half) for s, half in points)


def _capsule(start: float, end: float, length: float, *between: tuple[float, float]) -> Profile:
    head = [(-start, 0.0), (-0.93 * start, 0.37 * start), (-0.7 * start, 0.71 * start), (-0.38 * start, 0.925 * start)]
    tail = [(0.38 * end, 0.925 * end), (0.7 * end, 0.71 * end), (0.93 * end, 0.37 * end), (end, 0.0)]
    return _even(*head, (0.0, start), *between, (length, end), *((length + s, half) for s, half in tail))


def _ellipse(half_height: float, half_width: float) -> Profile:
    steps = (-1.0, -0.97, -0.9, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 0.9, 0.97, 1.0)
    return _even(*((half_height * t, half_width * sqrt(1.0 - t * t)) for t in steps))


def _box(bottom: float, top: float, half: float) -> Profile:
    return _even((bottom - 1e-6, 0.0), (bottom, half), (top, half), (top + 1e-6, 0.0))


PROFILES: dict[str, Profile] = {
    "trunk": _even(
        (-0.062, 0.0), (-0.06, 0.086), (-0.03, 0.093), (0.0, 0.093), (0.06, 0.085), (0.11, 0.084), (0.17, 0.096),
        (0.22, 0.108), (0.255, 0.115), (0.275, 0.113), (0.288, 0.1), (0.3, 0.074), (0.312, 0.05), (0.322, 0.038),
        (0.328, 0.0),
    ),
    "trunk_slim": _even(
        (-0.062, 0.0), (-0.06, 0.094), (-0.03, 0.1), (0.0, 0.096), (0.06, 0.08), (0.11, 0.073), (0.16, 0.086),
        (0.2, 0.097), (0.25, 0.104), (0.27, 0.103), (0.284, 0.09), (0.298, 0.064), (0.312, 0.042), (0.322, 0.033),
        (0.328, 0.0),
    ),
    "pelvis": _even(
        (-0.09, 0.0), (-0.086, 0.05), (-0.06, 0.086), (-0.02, 0.098), (0.02, 0.096), (0.06, 0.085), (0.062, 0.0),
    ),
    "neck": _even((-0.02, 0.0), (-0.015, 0.045), (0.0, 0.034), (0.02, 0.029), (0.07, 0.029), (0.08, 0.0)),
    "upper_arm": _capsule(0.034, 0.024, 0.175, (0.05, 0.033), (0.1, 0.029)),
    "forearm": _capsule(0.024, 0.0165, 0.15, (0.04, 0.027), (0.09, 0.022)),
    "hand": (
        (-0.012, 0.0, 0.0), (-0.008, 0.012, 0.012), (0.01, 0.017, 0.018), (0.022, 0.02, 0.03), (0.036, 0.022, 0.035),
        (0.046, 0.022, 0.034), (0.052, 0.022, 0.022), (0.07, 0.02, 0.019), (0.084, 0.014, 0.014), (0.09, 0.0, 0.0),
    ),
    "fist": (
        (-0.012, 0.0, 0.0), (-0.008, 0.014, 0.014), (0.01, 0.02, 0.024), (0.03, 0.026, 0.031), (0.045, 0.026, 0.028),
        (0.058, 0.02, 0.02), (0.064, 0.0, 0.0),
    ),
    "thigh": _capsule(0.056, 0.037, 0.24, (0.06, 0.056), (0.15, 0.046)),
    "shin": _capsule(0.037, 0.022, 0.245, (0.04, 0.038), (0.08, 0.041), (0.14, 0.033), (0.2, 0.024)),
    "trouser": _capsule(0.04, 0.034, 0.245, (0.08, 0.043), (0.2, 0.036)),
    "foot": (
        (-0.034, 0.0, 0.0), (-0.032, 0.02, 0.03), (-0.024, 0.03, 0.036), (0.0, 0.03, 0.036), (0.02, 0.024, 0.036),
        (0.045, 0.01, 0.036), (0.075, -0.002, 0.036), (0.098, -0.008, 0.034), (0.108, -0.014, 0.028),
        (0.112, -0.02, 0.02),
    ),
    "head": _even(
        (-0.068, 0.0), (-0.066, 0.016), (-0.06, 0.026), (-0.048, 0.036), (-0.03, 0.044), (-0.01, 0.049), (0.015, 0.052),
        (0.035, 0.05), (0.05, 0.042), (0.06, 0.03), (0.066, 0.016), (0.068, 0.0),
    ),
    "hair": _even(
        (-0.04, 0.0), (-0.038, 0.03), (-0.03, 0.046), (0.0, 0.055), (0.025, 0.057), (0.045, 0.052), (0.06, 0.04),
        (0.071, 0.022), (0.075, 0.0),
    ),
    "hair_long": _even(
        (-0.175, 0.0), (-0.172, 0.03), (-0.16, 0.055), (-0.12, 0.066), (-0.05, 0.064), (0.0, 0.062), (0.03, 0.059),
        (0.055, 0.045), (0.07, 0.022), (0.075, 0.0),
    ),
    "hair_curly": _even(
        (-0.05, 0.0), (-0.046, 0.036), (-0.03, 0.06), (0.0, 0.074), (0.03, 0.076), (0.055, 0.065), (0.076, 0.044),
        (0.088, 0.02), (0.09, 0.0),
    ),
    "tail": _capsule(0.016, 0.01, 0.11, (0.04, 0.024)),
    "bun": _ellipse(0.03, 0.03),
    "cap": _even((0.012, 0.0), (0.014, 0.056), (0.035, 0.056), (0.055, 0.047), (0.07, 0.028), (0.078, 0.0)),
    "brim": _ellipse(0.012, 0.05),
    "face": _even(
        (-0.066, 0.0), (-0.064, 0.015), (-0.056, 0.025), (-0.044, 0.036), (-0.02, 0.045), (0.0, 0.0485), (0.02, 0.05),
        (0.038, 0.045), (0.046, 0.03), (0.05, 0.0),
    ),
    "ear": _ellipse(0.017, 0.01),
    "eye": _ellipse(0.017, 0.014),
    "nose": _even((-0.014, 0.0), (-0.012, 0.009), (-0.004, 0.0085), (0.012, 0.004), (0.016, 0.0)),
    "mouth": _ellipse(0.007, 0.019),
    "print": _even((0.06, 0.0), (0.061, 0.045), (0.2, 0.045), (0.201, 0.0)),
    "collar": _even((0.22, 0.0), (0.25, 0.012), (0.3, 0.036), (0.318, 0.036), (0.32, 0.0)),
    "skirt": _even((-0.03, 0.0), (-0.029, 0.085), (0.03, 0.104), (0.25, 0.15), (0.251, 0.0)),
    "shadow": _ellipse(0.035, 0.2),
    "disc": _ellipse(0.1, 0.1),
    "slab": _box(-0.5, 0.5, 0.5),
    "board": _box(-0.1, 0.12, 0.1),
    "sack": _even(
        (-0.1, 0.0), (-0.095, 0.07), (-0.07, 0.09), (0.02, 0.085), (0.05, 0.06), (0.06, 0.02), (0.1, 0.012),
        (0.102, 0.0),
    ),
}  # fmt: skip
"""Outlines of all parts. Names say what they are; the numbers follow an adult of seven and a half heads."""


def even_density(texels: float) -> int:
    """The step of a coarse ladder of texel densities next above, so that persons of similar size share shapes."""
    step = 12
    while step < texels:
        step = step * 5 // 4
    return step


@lru_cache(maxsize=2048)
def make_shape(name: str, density: int) -> Shape:
    """Sample a silhouette.

    Args:
        name: A key of ``PROFILES``.
        density: Texels per stature.

    Returns:
        The shape, with a border of empty texels on every side.
    """
    profile = np.array(PROFILES[name])
    low, high = profile[0, 0], profile[-1, 0]
    reach_left, reach_right = profile[:, 1].max(), profile[:, 2].max()
    first_row, first_column = int(np.floor(low * density)) - 1, int(np.floor(-reach_left * density)) - 1
    rows = int(np.ceil(high * density)) + 1 - first_row
    columns = int(np.ceil(reach_right * density)) + 1 - first_column
    s = (first_row + (np.arange(rows * _SUB) + 0.5) / _SUB) / density
    c = (first_column + (np.arange(columns * _SUB) + 0.5) / _SUB) / density
    left, right = (_between(s, profile[:, 0], profile[:, column])[:, None] for column in (1, 2))
    inside = (c > -left) & (c < right) & ((s >= low) & (s <= high))[:, None]
    cells = inside.reshape(rows, _SUB, columns, _SUB).sum((1, 3))
    alpha = (cells * (256 // (_SUB * _SUB))).astype(np.uint64)
    middle = slice(_SUB // 2, None, _SUB)
    shade = _shade(name, c[middle], left[middle], right[middle])
    return Shape((first_row / density, first_column / density), density, alpha, shade)


def _between(at: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Linear interpolation; NumPy's own may fuse a product and a sum on some processors."""
    index = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    span = np.maximum(knots[index + 1] - knots[index], 1e-9)
    phase = np.clip((at - knots[index]) / span, 0.0, 1.0)
    return values[index] * (1.0 - phase) + values[index + 1] * phase


def _shade(name: str, c: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Light on a round body: darker where the surface turns away, with faint folds."""
    if name in _FLAT:
        light = np.full((len(left), len(c)), 0.95)
    else:
        middle, half = (right - left) / 2, (right + left) / 2
        half = np.maximum(half, max(0.75 * half.max(), 1e-3))
        across = np.clip((c - middle) / half, -1.0, 1.0)
        light = 0.62 + 0.36 * np.sqrt(1.0 - across * across) - 0.1 * across
    rows, columns = light.shape
    folds = Stream("folds", name).bytes(rows // 3 + 1, columns // 3 + 1)
    folds = np.repeat(np.repeat(folds, 3, 0), 3, 1)[:rows, :columns]
    folds = (folds + np.roll(folds, 1, 0) + np.roll(folds, 1, 1) + np.roll(folds, (1, 1), (0, 1))) // 4
    return np.clip(np.floor(light * (242 + folds // 10)), 0, 256).astype(np.uint64)
