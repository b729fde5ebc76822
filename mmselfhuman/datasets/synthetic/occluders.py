"""Things in front of people: poles and counters that stand, and things near the lens that come and go."""

from dataclasses import dataclass

import numpy as np

from mmselfhuman.datasets.synthetic.appearance import HAIRS, SKINS, Cloth, weave
from mmselfhuman.datasets.synthetic.camera import Camera
from mmselfhuman.datasets.synthetic.randomness import Stream
from mmselfhuman.datasets.synthetic.shapes import even_density, make_shape
from mmselfhuman.datasets.synthetic.sprites import Colour, Sprite, make_sprite


@dataclass
class Occluder:
    """An object over F frames, as a sprite and its place (see :func:`sprites.place`).

    Attributes:
        sprite: What it looks like.
        origin, axis, width: ``(F, 2)`` pixels.
        near: ``(F,)``.
        shown: ``(F,)`` bool.
    """

    sprite: Sprite
    origin: np.ndarray
    axis: np.ndarray
    width: np.ndarray
    near: np.ndarray
    shown: np.ndarray


def _colour(rng: Stream) -> Colour:
    """Often a grey or brown, sometimes vivid, sometimes like skin or hair."""
    if rng.chance(0.2):
        return rng.choice((*SKINS, *HAIRS))
    strength, value = rng.choice((15.0, 15.0, 60.0)), rng.uniform(25, 200)
    return tuple(int(min(245.0, max(10.0, value + strength * rng.uniform(-1, 1)))) for _ in range(3))


def _made(rng: Stream, name: str, density: int) -> Sprite:
    """A shape in one colour, or with planks, bricks or stripes in two."""
    shape, colour = make_shape(name, density), _colour(rng)
    pattern = rng.choice(("plain", "stripes", "pinstripes", "checks"))
    other = tuple(int(part * 0.8) for part in colour)
    return make_sprite(shape, weave(Cloth(pattern, colour, other, rng.uniform(0.08, 0.25)), *shape.grid))


def standing_occluders(rng: Stream, camera: Camera, poles: float, counters: float, reach: float) -> list[Occluder]:
    """Posts, trees and pillars; tables, hedges and parapets that hide legs. They stand in the world and move with the
    camera.

    Args:
        rng: Stream of the clip.
        camera: Of the clip.
        poles, counters: Chance that a clip has one of each.
        reach: How far from the middle of the world they may stand, in adult statures.
    """
    frames = len(camera.roll)
    placed = []
    if rng.chance(poles):
        placed.append((rng.uniform(-reach, reach), rng.uniform(0.4, 0.9), rng.uniform(0.03, 0.12), 3.0, 0.9))
    if rng.chance(counters):
        placed.append(
            (rng.uniform(-reach, reach), rng.uniform(0.4, 0.8), rng.uniform(0.4, 1.4), rng.uniform(0.25, 0.6), 0.0)
        )
    occluders = []
    for x, z, wide, tall, base in placed:
        sprite = _made(rng, "slab", 48)
        root = np.broadcast_to(np.array((x, 0.0, z)), (frames, 1, 3))
        origin, near = camera.root(root)
        unit = camera.depth_scale(root[..., 2])
        up = camera.turned(np.broadcast_to(np.array((0.0, 1.0, 0.0)), (frames, 1, 3)))[0]
        axis = (up * (unit * tall)[..., None])[:, 0]
        width = np.stack([-up[:, 0, 1], up[:, 0, 0]], -1) * (unit * wide)
        centre = origin[:, 0] + axis * (0.5 - base / tall)
        occluders.append(Occluder(sprite, centre, axis, width, near[:, 0], np.ones(frames, bool)))
    return occluders


def passing_occluders(
    rng: Stream, times: np.ndarray, size: tuple[int, int], texture_height: int, passing: float, covering: float
) -> list[Occluder]:
    """Things close to the lens that hide much of the picture for a few frames.

    Time is cut into slots; each may hold one event, found from the slot's number alone.

    Args:
        rng: Stream of the clip.
        times: ``(F,)`` seconds.
        size: ``(width, height)``.
        texture_height: Height of the picture for which textures are made (see :class:`World`).
        passing: Vehicles, carts and luggage that cross the picture, per second.
        covering: Things that come before the lens from below and leave again (umbrellas, bags, flags), per second.
    """
    occluders = []
    for enter, rate, slot, least, most in ((_cross, passing, 1.0, 0.25, 0.6), (_cover, covering, 0.5, 0.08, 0.26)):
        for number in range(int(times[0] // slot) - 1, int(times[-1] // slot) + 1):
            draw = rng.child(enter.__name__, number)
            if not draw.chance(rate * slot):
                continue
            lasts = draw.uniform(least, most)
            progress = (times - number * slot - draw.uniform(0.0, slot - 0.1)) / lasts
            shown = (progress >= 0.0) & (progress < 1.0)
            if shown.any():
                sprite, origin, axis, across = enter(draw, np.clip(progress, 0.0, 1.0), size, texture_height / size[1])
                axis, across = (np.broadcast_to(np.array(each), origin.shape) for each in (axis, across))
                occluders.append(Occluder(sprite, origin - 0.5, axis, across, np.full(len(times), 50.0), shown))
    return occluders


_Entrance = tuple[Sprite, np.ndarray, tuple[float, float], tuple[float, float]]


def _cross(draw: Stream, progress: np.ndarray, size: tuple[int, int], detail: float) -> _Entrance:
    width, height = size
    tall, wide = draw.uniform(0.5, 1.3) * height, draw.uniform(0.35, 1.2) * height
    name = draw.choice(("slab", "sack"))
    stretch = 1.0 if name == "slab" else 5.0
    sprite = _made(draw, name, even_density(detail * max(tall, wide) * stretch / 3))
    path = draw.sign() * (progress - 0.5) * (width + wide) + 0.5 * width
    origin = np.stack([path, np.full_like(path, height * draw.uniform(0.5, 0.85))], -1)
    return sprite, origin, (0.05 * tall, -stretch * tall), (stretch * wide, 0.05 * wide)


def _cover(draw: Stream, progress: np.ndarray, size: tuple[int, int], detail: float) -> _Entrance:
    width, height = size
    scale = draw.uniform(1.6, 4.5) * height
    sprite = _made(draw, "disc", even_density(detail * scale / 3))
    rise = 4.0 * progress * (1.0 - progress)
    aside = draw.uniform(0.1, 0.9) * width + draw.sign() * (1.0 - rise) * 0.3 * width
    origin = np.stack([aside, height * (1.15 - draw.uniform(0.3, 0.75) * rise)], -1)
    return sprite, origin, (0.2 * scale, -scale * draw.uniform(0.8, 1.5)), (scale, 0.2 * scale)
