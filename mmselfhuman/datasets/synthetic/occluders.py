"""Things in front of people: poles and counters that stand, passers-by and hands before the lens that come and go."""

from dataclasses import dataclass

import numpy as np

from mmselfhuman.datasets.synthetic.appearance import HAIRS, SKINS
from mmselfhuman.datasets.synthetic.camera import Camera
from mmselfhuman.datasets.synthetic.randomness import Stream
from mmselfhuman.datasets.synthetic.shapes import even_density, make_shape
from mmselfhuman.datasets.synthetic.sprites import Sprite, make_sprite, solid


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


def _colour(rng: Stream) -> np.uint64:
    if rng.chance(0.35):
        return solid(rng.choice((*SKINS, *HAIRS)))
    return solid(tuple(rng.integer(200) + 15 for _ in range(3)))


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
        sprite = make_sprite(make_shape("slab", 24), _colour(rng))
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
    rng: Stream, times: np.ndarray, size: tuple[int, int], passers: float, hands: float
) -> list[Occluder]:
    """Things close to the lens that hide much of the picture for a few frames.

    Time is cut into slots; each may hold one event, found from the slot's number alone.

    Args:
        rng: Stream of the clip.
        times: ``(F,)`` seconds.
        size: ``(width, height)``.
        passers: Passers-by per second: a dark or coloured figure that crosses the picture.
        hands: Hands, bags and heads per second that come before the lens and leave again.
    """
    width, height = size
    events = []
    for kind, rate, slot in (("passer", passers, 1.0), ("hand", hands, 0.5)):
        for number in range(int(times[0] // slot) - 1, int(times[-1] // slot) + 1):
            draw = rng.child(kind, number)
            if not draw.chance(rate * slot):
                continue
            lasts = draw.uniform(0.25, 0.6) if kind == "passer" else draw.uniform(0.08, 0.26)
            progress = (times - number * slot - draw.uniform(0.0, slot - 0.1)) / lasts
            shown = (progress >= 0.0) & (progress < 1.0)
            if shown.any():
                events.append((kind, draw, np.clip(progress, 0.0, 1.0), shown))
    occluders = []
    for kind, draw, progress, shown in events:
        ones = np.ones_like(progress)
        if kind == "passer":
            scale = draw.uniform(0.9, 1.5) * height
            sprite = make_sprite(make_shape("passer", even_density(scale / 2)), _colour(draw))
            path = draw.sign() * (progress - 0.5) * (width + 0.6 * scale) + 0.5 * width
            origin = np.stack([path, ones * height * draw.uniform(0.45, 0.75)], -1)
            axis, across = np.array((0.06 * scale, -scale)), np.array((scale, 0.06 * scale))
        else:
            scale = draw.uniform(1.6, 4.5) * height
            sprite = make_sprite(make_shape("disc", even_density(scale / 3)), _colour(draw))
            rise = 4.0 * progress * (1.0 - progress)
            side = draw.uniform(-0.5, 0.5) * width
            origin = np.stack(
                [
                    0.5 * width + side + draw.sign() * (1.0 - rise) * 0.3 * width,
                    height * (1.15 - draw.uniform(0.3, 0.75) * rise),
                ],
                -1,
            )
            axis, across = np.array((0.2 * scale, -scale * draw.uniform(0.8, 1.5))), np.array((scale, 0.2 * scale))
        axis, across = (np.broadcast_to(each, (len(progress), 2)) for each in (axis, across))
        occluders.append(Occluder(sprite, origin, axis, across, ones * 50.0, shown))
    return occluders
