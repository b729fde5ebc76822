"""Cluttered still backgrounds: rooms, streets, parks, stages, painted once per clip and seen through a moving
camera."""

from collections.abc import Callable

import numpy as np

from mmselfhuman.datasets.synthetic.appearance import HAIRS, SKINS
from mmselfhuman.datasets.synthetic.randomness import Stream
from mmselfhuman.datasets.synthetic.shapes import even_density, make_shape
from mmselfhuman.datasets.synthetic.sprites import (
    LANES,
    Canvas,
    Colour,
    invert,
    make_sprite,
    pack,
    place,
    shaded,
    solid,
)

_EIGHT = np.uint64(8)
_FRACTION = 4


class Backdrop:
    """A painted background.

    Args:
        rng: Stream of this backdrop.
        size: ``(width, height)`` of the picture.
        maps: ``(F, 2, 3)`` through which the frames will see it, as :meth:`Camera.backdrop` gives them; they decide how
            far the backdrop must reach beyond the picture at rest.
        horizon: Row of the horizon as a share of the picture's height.
        clutter: How many objects, relative to a usual scene (1).
        distractors: How many things with the colours and upright shape of people.
        contrast: Strength of texture, 0 to 1.
    """

    def __init__(
        self,
        rng: Stream,
        size: tuple[int, int],
        maps: np.ndarray,
        horizon: float,
        clutter: float,
        distractors: int,
        contrast: float,
    ) -> None:
        width, height = size
        self._margin = _reach(maps, size)
        self._unit = height
        self._rng = rng
        shape = (height + 2 * self._margin, width + 2 * self._margin)
        self._horizon = int(self._margin + horizon * height)
        self._light = self._texture(shape, contrast)
        self.colours = np.empty(shape, np.uint64)
        _SCENERY[rng.choice(tuple(_SCENERY))](self, rng.child("scenery"), clutter)
        self._bustle(rng.child("bustle"), int(35 * clutter * rng.uniform()))
        self.colours = shaded(self.colours, self._light)
        self._distract(rng.child("distractors"), distractors)

    def seen(self, backdrop_map: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """The part of the backdrop in a frame.

        Args:
            backdrop_map: ``(2, 3)`` from picture coordinates at rest to the frame's, as :meth:`Camera.backdrop` gives.
            size: ``(width, height)``.

        Returns:
            ``(H, W)`` packed, interpolated bilinearly in integers.
        """
        width, height = size
        steps = np.floor(invert(backdrop_map) * 65536.0 + 0.5).astype(np.int64)
        x, y = np.arange(width), np.arange(height)[:, None]
        limit_row, limit_column = self.colours.shape[0] - 2, self.colours.shape[1] - 2
        if steps[0, 0] == 65536 and steps[1, 1] == 65536 and not (steps[0, 1] or steps[1, 0]):
            column, row = x * 65536 + steps[0, 2], y * 65536 + steps[1, 2]
        else:
            column = (x * steps[0, 0] + steps[0, 2]) + y * steps[0, 1]
            row = (x * steps[1, 0] + steps[1, 2]) + y * steps[1, 1]
        column, row = column + (self._margin << 16), row + (self._margin << 16)
        column = np.minimum(np.maximum(column, 0), (limit_column << 16) + 65535)
        row = np.minimum(np.maximum(row, 0), (limit_row << 16) + 65535)
        right, lower = ((at >> (16 - _FRACTION) & 15).astype(np.uint64) for at in (column, row))
        first = (row >> 16) * self.colours.shape[1] + (column >> 16)
        pixels, sixteen = self.colours.ravel(), np.uint64(16)
        upper_row = pixels[first] * (sixteen - right) + pixels[first + 1] * right
        first = first + self.colours.shape[1]
        lower_row = pixels[first] * (sixteen - right) + pixels[first + 1] * right
        return ((upper_row * (sixteen - lower) + lower_row * lower) >> _EIGHT) & LANES

    def _texture(self, shape: tuple[int, int], contrast: float) -> np.ndarray:
        """Noise of several scales as a brightness, ``(H, W)`` uint64 up to 256."""
        total = np.zeros(shape, np.int32)
        for scale, weight in ((0.5, 4), (0.12, 4), (0.03, 4), (0.007, 4)):
            total += weight * _noise(self._rng.child("noise", str(scale)), shape, scale * self._unit)
        depth = int(contrast * 120)
        return (256 - (total * depth >> 12)).astype(np.uint64)

    def _fill(self, rows: slice, columns: slice, colour: Colour) -> None:
        self.colours[rows, columns] = solid(colour)

    def _fade(self, rows: slice, top: Colour, bottom: Colour) -> None:
        """A vertical gradient."""
        count = max(len(range(*rows.indices(self.colours.shape[0]))), 1)
        step = np.arange(count)[:, None]
        rows_colour = (np.array(top) * (count - step) + np.array(bottom) * step) // count
        self.colours[rows] = pack(rows_colour)[:, None]

    def _rectangle(self, x: float, y: float, width: float, height: float, colour: Colour) -> tuple[int, int, int, int]:
        """Fill a rectangle given in picture heights, from the backdrop's corner; returns its pixel edges."""
        x0, y0 = max(0, int(x * self._unit)), max(0, int(y * self._unit))
        x1, y1 = max(x0, int((x + width) * self._unit)), max(y0, int((y + height) * self._unit))
        self._fill(slice(y0, y1), slice(x0, x1), colour)
        return x0, y0, x1, y1

    @property
    def _extent(self) -> tuple[float, float, float]:
        """Width, height and horizon in picture heights."""
        return self.colours.shape[1] / self._unit, self.colours.shape[0] / self._unit, self._horizon / self._unit

    def _room(self, rng: Stream, clutter: float) -> None:
        wide, _, horizon = self._extent
        wall, floor = _muted(rng, 90, 225), _muted(rng, 50, 170)
        self._fade(slice(0, self._horizon), wall, _scaled(wall, 0.85))
        self._fade(slice(self._horizon, None), floor, _scaled(floor, 1.2))
        self._rectangle(0, horizon - 0.02, wide, 0.02, _scaled(wall, 0.6))
        for _ in range(int(9 * clutter)):
            tall = rng.uniform(0.12, 0.6)
            x, width = rng.uniform(-0.1, wide), rng.uniform(0.08, 0.4)
            if rng.chance(0.5):
                self._panel(rng, x, horizon + rng.uniform(0.0, 0.15) - tall, width, tall)
            else:
                self._panel(rng, x, rng.uniform(0.05, max(0.06, horizon - 0.3)), width, rng.uniform(0.08, 0.3))

    def _panel(self, rng: Stream, x: float, y: float, width: float, height: float) -> None:
        """A framed rectangle, perhaps with shelves or panes: a picture, a cupboard, a door, a screen."""
        colour = _muted(rng, 25, 235)
        self._rectangle(x, y, width, height, _scaled(colour, 0.6))
        edge = 0.012
        self._rectangle(x + edge, y + edge, width - 2 * edge, height - 2 * edge, colour)
        rows = rng.integer(4)
        for row in range(rows):
            top = y + edge + (row + 0.3) * (height - 2 * edge) / rows
            self._rectangle(x + 2 * edge, top, width - 4 * edge, 0.45 * height / rows, _muted(rng, 25, 235))

    def _street(self, rng: Stream, clutter: float) -> None:
        wide, _, horizon = self._extent
        sky = (235, 215, 190) if rng.chance(0.6) else (205, 205, 205)
        self._fade(slice(0, self._horizon), sky, _scaled(sky, 1.08))
        x = -0.1
        while x < wide:
            width, tall = rng.uniform(0.15, 0.5), rng.uniform(0.3, 1.0)
            self._building(rng, x, horizon + 0.02 - tall, width, tall)
            x += width * rng.uniform(0.8, 1.2)
        ground = _muted(rng, 90, 150)
        self._fade(slice(self._horizon, None), _scaled(ground, 0.8), ground)
        self._rectangle(0, horizon, wide, 0.03, _scaled(ground, 1.3))
        for _ in range(int(6 * clutter)):
            if rng.chance(0.4):
                self._rectangle(rng.uniform(0, wide), horizon - rng.uniform(0.2, 0.7), 0.025, 0.8, _muted(rng, 30, 120))
            else:
                self._car(rng, rng.uniform(-0.2, wide), horizon + rng.uniform(-0.02, 0.06))

    def _building(self, rng: Stream, x: float, y: float, width: float, height: float) -> None:
        wall = _muted(rng, 70, 210)
        x0, y0, x1, y1 = self._rectangle(x, y, width, height, wall)
        pane = solid(_scaled(wall, rng.choice((0.45, 0.6, 1.25))))
        step_x, step_y = (max(3, int(rng.uniform(0.05, 0.09) * self._unit)) for _ in range(2))
        rows, columns = np.arange(max(0, y1 - y0)), np.arange(max(0, x1 - x0))
        window = ((rows % step_y) * 5 > step_y * 2)[:, None] & ((columns % step_x) * 5 > step_x * 2)
        block = self.colours[y0:y1, x0:x1]
        np.copyto(block, pane, where=window[: block.shape[0], : block.shape[1]])

    def _car(self, rng: Stream, x: float, y: float) -> None:
        paint = _muted(rng, 30, 220, 60)
        self._rectangle(x + 0.08, y - 0.16, 0.26, 0.1, _scaled(paint, 0.5))
        self._rectangle(x, y - 0.08, 0.42, 0.08, paint)
        for wheel in (0.05, 0.3):
            self._rectangle(x + wheel, y - 0.02, 0.07, 0.05, (30, 30, 30))

    def _park(self, rng: Stream, clutter: float) -> None:
        wide, _, horizon = self._extent
        sky, grass = (240, 215, 185), (rng.integer(50) + 30, rng.integer(50) + 100, rng.integer(60) + 60)
        self._fade(slice(0, self._horizon), sky, (240, 235, 225))
        self._fade(slice(self._horizon, None), _scaled(grass, 0.8), grass)
        shape = self.colours.shape
        for _ in range(int(5 * clutter)):
            self._rectangle(rng.uniform(0, wide), horizon - 0.6, rng.uniform(0.03, 0.08), 0.62, (40, 55, 70))
        twigs = _noise(rng.child("twigs"), shape, 0.03 * self._unit)
        for layer, darkness in enumerate((0.62, 1.0)):
            self._foliage(rng.child("foliage", layer), twigs, darkness, clutter)
        for _ in range(int(4 * clutter)):
            self._panel(rng, rng.uniform(0, wide), horizon - rng.uniform(0.05, 0.2), rng.uniform(0.1, 0.3), 0.16)

    def _foliage(self, rng: Stream, twigs: np.ndarray, brightness: float, clutter: float) -> None:
        """A belt of leaves above the horizon, with gaps."""
        leaves = _noise(rng.child("leaves"), self.colours.shape, 0.1 * self._unit)
        rows = np.arange(self.colours.shape[0])[:, None]
        belt = self._horizon - int(rng.uniform(0.05, 0.5) * self._unit)
        gaps = 250 - int(50 * clutter) + np.abs(rows - belt) * 200 // self._unit
        green = solid((rng.integer(40) + 30, rng.integer(70) + 80, rng.integer(60) + 45))
        lit = shaded(green, ((60 + twigs * 3 // 4) * int(256 * brightness) >> 8).astype(np.uint64))
        np.copyto(self.colours, lit, where=(leaves + twigs // 2 > gaps) & (rows < self._horizon + self._unit // 20))

    def _stage(self, rng: Stream, clutter: float) -> None:
        wide, _, horizon = self._extent
        dark = _muted(rng, 25, 90, 20)
        self._fade(slice(0, self._horizon), dark, _scaled(dark, 1.7))
        self._fade(slice(self._horizon, None), _scaled(dark, 1.3), _scaled(dark, 0.8))
        for _ in range(int(9 * clutter)):
            lamp = _muted(rng, 60, 240, 60)
            self._rectangle(
                rng.uniform(0, wide), rng.uniform(0, horizon), rng.uniform(0.02, 0.2), rng.uniform(0.02, 0.5), lamp
            )

    def _bustle(self, rng: Stream, count: int) -> None:
        """Many small bright things near the horizon: goods, flowers, signs, litter."""
        wide, _, horizon = self._extent
        for _ in range(count):
            thing = _muted(rng, 30, 240, rng.choice((20.0, 90.0)))
            place = rng.uniform(0, wide), horizon - 0.06 + abs(rng.bell(0.13))
            self._rectangle(*place, rng.uniform(0.008, 0.05), rng.uniform(0.008, 0.06), thing)

    def _distract(self, rng: Stream, count: int) -> None:
        """Upright things in the colours of skin, hair and clothes: coats on a stand, busts on a plinth, pillars."""
        wide, _, horizon = self._extent
        canvas = Canvas(self.colours)
        for _ in range(count):
            x, foot, tall = rng.uniform(0.05, wide), horizon + rng.uniform(0.0, 0.2), rng.uniform(0.35, 0.8)
            kind = rng.choice(("coat", "bust", "pillar"))
            warm = rng.choice((*SKINS, *HAIRS, _muted(rng, 60, 200)))
            if kind == "coat":
                self._rectangle(x - 0.008, foot - tall, 0.016, tall, _muted(rng, 30, 90))
                cloth = _muted(rng, 30, 220, 70)
                self._stick(canvas, ("trunk", "trouser"), (0.5, 0.24), (1.0, 2.2), (cloth, cloth), x, foot, tall)
            elif kind == "bust":
                self._rectangle(x - 0.1 * tall, foot - 0.5 * tall, 0.2 * tall, 0.5 * tall, _muted(rng, 80, 200))
                self._stick(
                    canvas, ("neck", "trunk", "head"), (0.82, 0.5, 0.92), (1.0, 1.0, 1.0), (warm,) * 3, x, foot, tall
                )
            else:
                bare = _scaled(warm, 0.9)
                self._stick(canvas, ("trouser", "trouser"), (0.6, 0.3), (1.7, 1.9), (warm, bare), x, foot, tall)

    def _stick(
        self,
        canvas: Canvas,
        names: tuple[str, ...],
        heights: tuple[float, ...],
        widths: tuple[float, ...],
        colours: tuple[Colour, ...],
        x: float,
        foot: float,
        tall: float,
    ) -> None:
        """Paint shapes above each other, their (s, c) = (0, 0) at these shares of the height above the foot."""
        scale = tall * self._unit
        density = even_density(scale)
        sprites = [
            make_sprite(make_shape(name, density), solid(colour)) for name, colour in zip(names, colours, strict=True)
        ]
        origins = np.array([(x * self._unit, foot * self._unit - height * scale) for height in heights])
        axes = np.array([(0.0, scale if name == "trouser" else -scale) for name in names])
        across = np.array([(scale * width, 0.0) for width in widths])
        canvas.paint(sprites, place(sprites, origins, axes, across), range(len(sprites)))


_SCENERY: dict[str, Callable[[Backdrop, Stream, float], None]] = {
    "room": Backdrop._room,
    "street": Backdrop._street,
    "park": Backdrop._park,
    "stage": Backdrop._stage,
}


def _reach(maps: np.ndarray, size: tuple[int, int]) -> int:
    """How far beyond the picture at rest the frames see, in pixels."""
    width, height = size
    corners = np.array([(x, y, 1) for x in (0, width - 1) for y in (0, height - 1)], float)
    seen = (invert(maps)[:, None] * corners[:, None, :]).sum(-1)
    return int(max(0.0, -seen.min(), (seen - (width, height)).max())) + 3


def _noise(rng: Stream, shape: tuple[int, int], cell: float) -> np.ndarray:
    """``shape`` int32 in [0, 256): random values every ``cell`` pixels (rounded to a power of two), linear between."""
    height, width = shape
    digits = max(0, int(cell * 0.75).bit_length())
    lattice = rng.bytes((height >> digits) + 2, (width >> digits) + 2)
    last = (1 << digits) - 1
    rows, columns = np.arange(height), np.arange(width)
    index, phase = rows >> digits, (rows & last)[:, None].astype(np.int32)
    tall = (lattice[index] << digits) + (lattice[index + 1] - lattice[index]) * phase
    index, phase = columns >> digits, (columns & last).astype(np.int32)
    slope = tall[:, 1:] - tall[:, :-1]
    return ((tall[:, index] << digits) + slope[:, index] * phase) >> (2 * digits)


def _muted(rng: Stream, low: float, high: float, strength: float = 28.0) -> Colour:
    """A grey of this brightness, tinted between blue and orange as most things are, a little green."""
    value, warmth, green = rng.uniform(low, high), rng.uniform(-0.7, 1.0), rng.uniform(-0.35, 0.35)
    parts = (value - strength * warmth, value + strength * green, value + strength * warmth)
    return tuple(int(min(250.0, max(8.0, part))) for part in parts)


def _scaled(colour: Colour, factor: float) -> Colour:
    return tuple(min(250, int(part * factor)) for part in colour)
