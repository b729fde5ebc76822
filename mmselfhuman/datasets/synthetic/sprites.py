"""Flat textured parts and how they are laid over each other, in integers only.

A colour travels packed in one uint64: blue, green and red in 16-bit lanes from the lowest bit, so that one product or
sum works on the three at once. A sprite's texel holds its colour times its opacity, plus one half for rounding, and the
rest of the opacity (0 to 256) in the top lane.
"""

from dataclasses import dataclass

import numpy as np

from mmselfhuman.datasets.synthetic.shapes import Shape

LANES = np.uint64(0x00FF00FF00FF)
_COLOUR = np.uint64(0xFFFFFFFFFFFF)
_HALF = np.uint64(0x008000800080)
_TOP = np.uint64(48)
_EIGHT = np.uint64(8)
_SOLID = np.uint64(128)
_FULL = np.uint64(256)
_POINT = 16

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""


def pack(colours: np.ndarray) -> np.ndarray:
    """``(..., 3)`` BGR integers in [0, 255] to ``(...)`` packed uint64."""
    wide = np.asarray(colours).astype(np.uint64)
    return wide[..., 0] | (wide[..., 1] << np.uint64(16)) | (wide[..., 2] << np.uint64(32))


def solid(colour: Colour) -> np.uint64:
    """One colour, packed."""
    blue, green, red = colour
    return np.uint64(blue | green << 16 | red << 32)


def unpack(packed: np.ndarray) -> np.ndarray:
    """``(...)`` packed to ``(..., 3)`` BGR uint8."""
    lanes = np.ascontiguousarray(packed).astype("<u8", copy=False).view(np.uint8)
    return np.ascontiguousarray(lanes.reshape(*packed.shape, 8)[..., 0:6:2])


def shaded(packed: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Packed colours times a brightness of 0 to 256 (256 = as they are)."""
    return ((packed * light) >> _EIGHT) & LANES


@dataclass(frozen=True, eq=False)
class Sprite:
    """A flat textured part.

    Attributes:
        texels: ``(h, w)`` uint64, premultiplied colour and remaining transparency.
        origin: ``(s, c)`` of the outer corner of texel (0, 0).
        density: Texels per unit of ``s`` and ``c``.
    """

    texels: np.ndarray
    origin: tuple[float, float]
    density: int


def make_sprite(shape: Shape, colours: np.ndarray, opacity: int = 256) -> Sprite:
    """Dress a shape.

    Args:
        shape: The silhouette.
        colours: Packed, ``(h, w)`` or anything that broadcasts to it; the shape's shading is applied here.
        opacity: 0 to 256, of the whole sprite. Below 128 it does not count as covering what is behind (shadows).
    """
    alpha = shape.alpha if opacity == 256 else (shape.alpha * np.uint64(opacity)) >> _EIGHT
    texels = (shaded(colours, shape.shade) * alpha + _HALF) | ((_FULL - alpha) << _TOP)
    return Sprite(texels, shape.origin, shape.density)


def place(sprites: list[Sprite], origins: np.ndarray, axes: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Affine maps from texels to pixels.

    Args:
        sprites: n sprites.
        origins: ``(..., n, 2)`` where the part's (s, c) = (0, 0) lies, in pixels (x, y).
        axes: ``(..., n, 2)`` pixels per unit of s.
        widths: ``(..., n, 2)`` pixels per unit of c.

    Returns:
        ``(..., n, 2, 3)`` maps, rounded to multiples of ``2**-20`` so that a last digit of a sine moves nothing.
    """
    density = np.array([sprite.density for sprite in sprites], float)[:, None]
    corner = np.array([sprite.origin for sprite in sprites], float)
    by_row, by_column = axes / density, widths / density
    offset = origins + axes * corner[:, :1] + widths * corner[:, 1:]
    maps = np.stack([by_column, by_row, offset], -1)
    return np.floor(maps * 2.0**20 + 0.5) * 2.0**-20


def invert(maps: np.ndarray) -> np.ndarray:
    """``(..., 2, 3)`` inverses of affine maps; a singular map gives zeros, which draw nothing."""
    a, b, c, d = maps[..., 0, 0], maps[..., 0, 1], maps[..., 1, 0], maps[..., 1, 1]
    x, y = maps[..., 0, 2], maps[..., 1, 2]
    determinant = a * d - b * c
    scale = np.where(np.abs(determinant) < 1e-9, 0.0, 1.0 / np.where(np.abs(determinant) < 1e-9, 1.0, determinant))
    rows = np.stack([d, -b, b * y - d * x, -c, a, c * x - a * y], -1) * scale[..., None]
    return rows.reshape(*maps.shape[:-2], 2, 3)


class Canvas:
    """A picture being painted, with the sprite that is in front at each pixel.

    Attributes:
        colours: ``(H, W)`` packed.
        front: ``(H, W)`` int16, index of the frontmost sprite; -1 is the background.
    """

    def __init__(self, colours: np.ndarray) -> None:
        self.colours = colours
        self.front = np.full(colours.shape, -1, np.int16)
        height, width = colours.shape
        self._x, self._y = np.arange(width), np.arange(height)[:, None]

    def paint(
        self, sprites: list[Sprite], maps: np.ndarray, order: np.ndarray, covers: list[np.ndarray | None] | None = None
    ) -> None:
        """Draw sprites back to front. A pixel belongs to a sprite if its centre falls into a texel of it.

        Args:
            sprites: All n sprites.
            maps: ``(n, 2, 3)`` texel to pixel, as :func:`place` gives them.
            order: Indices of those to draw, back to front.
            covers: For each sprite a ``(H, W)`` bool array in which the pixels that it covers, hidden or not, are set.
        """
        height, width = self.colours.shape
        boxes, steps = _extents(sprites, maps, width, height), _steps(maps)
        for index in order:
            x0, y0, x1, y1 = boxes[index]
            if x0 >= x1 or y0 >= y1:
                continue
            texels = sprites[index].texels
            last_row, last_column = texels.shape[0] - 1, texels.shape[1] - 1
            ux, uy, u0, vx, vy, v0 = steps[index]
            xs, ys = self._x[x0:x1], self._y[y0:y1]
            column = (xs * ux + u0) + ys * uy
            column >>= _POINT
            row = (xs * vx + v0) + ys * vy
            row >>= _POINT
            np.minimum(np.maximum(column, 0, out=column), last_column, out=column)
            np.minimum(np.maximum(row, 0, out=row), last_row, out=row)
            row *= last_column + 1
            row += column
            texel = texels.ravel()[row]
            rest = texel >> _TOP
            view = self.colours[y0:y1, x0:x1]
            blended = view * rest
            texel &= _COLOUR
            blended += texel
            blended >>= _EIGHT
            np.bitwise_and(blended, LANES, out=view)
            solid = rest <= _SOLID
            np.copyto(self.front[y0:y1, x0:x1], index, where=solid)
            if covers is not None and covers[index] is not None:
                covers[index][y0:y1, x0:x1] |= solid


def front_at(sprites: list[Sprite], maps: np.ndarray, order: list[int], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The frontmost sprite at any points, between pixel centres too.

    Args:
        sprites, maps, order: As :meth:`Canvas.paint` takes them.
        x, y: ``(...)`` pixels.

    Returns:
        ``(...)`` int16, -1 where there is none.
    """
    front = np.full(x.shape, -1, np.int16)
    inverses = invert(maps)
    for index in order:
        (ux, uy, u0), (vx, vy, v0) = inverses[index].tolist()
        texels = sprites[index].texels
        column, row = np.floor(ux * x + uy * y + u0), np.floor(vx * x + vy * y + v0)
        inside = (column >= 0) & (column < texels.shape[1]) & (row >= 0) & (row < texels.shape[0])
        where = np.nonzero(inside)
        rest = texels[row[where].astype(int), column[where].astype(int)] >> _TOP
        front[tuple(axis[rest <= _SOLID] for axis in where)] = index
    return front


def _steps(maps: np.ndarray) -> list[list[int]]:
    """Integer steps of the texel coordinates per pixel, with ``_POINT`` binary digits."""
    return np.floor(invert(maps) * 2.0**_POINT + 0.5).astype(np.int64).reshape(-1, 6).tolist()


def _extents(sprites: list[Sprite], maps: np.ndarray, width: int, height: int) -> list[list[int]]:
    """``(x0, y0, x1, y1)`` of the pixels that the sprites may touch, cut to the picture."""
    sizes = np.array([sprite.texels.shape[::-1] for sprite in sprites], float)
    sides = maps[..., :2] * sizes[:, None, :]
    low = maps[..., 2] + np.minimum(sides, 0.0).sum(-1)
    high = maps[..., 2] + np.maximum(sides, 0.0).sum(-1)
    limit = np.array([width, height], float)
    first = np.clip(np.ceil(low), 0, limit)
    last = np.clip(np.floor(high) + 1, 0, limit)
    return np.concatenate([first, last], -1).astype(np.int64).tolist()
