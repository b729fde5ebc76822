"""One scene of the synthetic world over time: from a stream of random numbers to pictures, masks, joints and flow."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmselfhuman.datasets.synthetic.appearance import Tailor
from mmselfhuman.datasets.synthetic.backdrops import Backdrop
from mmselfhuman.datasets.synthetic.camera import Camera
from mmselfhuman.datasets.synthetic.casting import cast, figures
from mmselfhuman.datasets.synthetic.degradations import develop
from mmselfhuman.datasets.synthetic.domains import DomainKnobs
from mmselfhuman.datasets.synthetic.figure import SHOWN_BY, Figure
from mmselfhuman.datasets.synthetic.occluders import passing_occluders, standing_occluders
from mmselfhuman.datasets.synthetic.randomness import Stream
from mmselfhuman.datasets.synthetic.shapes import even_density
from mmselfhuman.datasets.synthetic.sprites import Canvas, Sprite, front_at, invert, place

FRAME_RATE = 12.0

_NEAR_STEPS = 4096.0
_TEXELS_PER_PIXEL = 1.5


@dataclass(frozen=True, eq=False)
class Painting:
    """A painted frame before the camera spoils it.

    Attributes:
        colours: ``(H, W)`` packed.
        front: ``(H, W)`` int16, the frontmost layer; -1 is the background.
        amodal: ``(P, H, W)`` bool, what each person covers, hidden or not.
    """

    colours: np.ndarray
    front: np.ndarray
    amodal: np.ndarray


@dataclass(frozen=True, eq=False)
class _Layers:
    """All sprites of a scene over its F frames: n layers, the same in every frame.

    Attributes:
        sprites: n sprites.
        names: n part names; an occluder's is ``''``.
        owners: ``(n,)`` int16 person of each layer, -1 for objects.
        maps: ``(F, n, 2, 3)`` texels to pixels.
        near: ``(F, n)`` nearness, multiples of 1 / 4096.
        shown: ``(F, n)`` bool.
    """

    sprites: list[Sprite]
    names: list[str]
    owners: np.ndarray
    maps: np.ndarray
    near: np.ndarray
    shown: np.ndarray


class World:
    """A scene.

    Args:
        rng: Stream of the scene; everything follows from it.
        knobs: Of the domain.
        size: ``(width, height)`` in pixels.
        num_frames: How many frames, ``FRAME_RATE`` a second.
        texture_height: Picture height for which textures are made; ``None`` is this picture's. With the same value the
            same scene can be rendered at another size with parts of exactly the same shape.
    """

    def __init__(
        self,
        rng: Stream,
        knobs: DomainKnobs,
        size: tuple[int, int],
        num_frames: int = 1,
        texture_height: int | None = None,
    ) -> None:
        self._rng, self._knobs, self.size, self.num_frames = rng, knobs, size, num_frames
        self._texture_height = texture_height or size[1]
        width, height = size
        draw = rng.child("scene")
        self._times = draw.uniform(0.0, 60.0) + np.arange(num_frames) / FRAME_RATE
        self._middle = float(self._times[(num_frames - 1) // 2])
        self._stature = draw.within(knobs.stature)
        self._camera = self._make_camera(draw)
        still = Camera(
            self._camera.scale, self._camera.elevation, self._camera.distance, self._camera.anchor,
            np.zeros((1, 2)), np.zeros(1), np.ones(1),
        )  # fmt: skip
        half_width = 0.5 * width / height / self._stature
        self.actors = cast(rng.child("cast"), knobs, still, half_width, self._middle)
        self._half_width = half_width

    @property
    def num_persons(self) -> int:
        """P, persons in the scene, whether or not the frame shows them."""
        return len(self.actors)

    def _make_camera(self, draw: Stream) -> Camera:
        knobs, (width, height) = self._knobs, self.size
        times = self._times
        pan = np.stack([draw.child("pan", axis).wander(times, 1.2) for axis in (0, 1)], -1) * np.array((1.0, 0.4))
        shake = np.stack([draw.child("jitter", axis).wander(times, 0.09) for axis in (0, 1)], -1)
        feet = 0.5 + 0.48 * self._stature + draw.uniform(-0.5, 0.5) * max(0.0, 0.94 - self._stature)
        return Camera(
            scale=self._stature * height,
            elevation=draw.within(knobs.camera_height),
            distance=draw.uniform(6.0, 12.0),
            anchor=(0.5 * width - 0.5, feet * height - 0.5),
            pan=(knobs.pan * pan + knobs.jitter * shake) * height,
            roll=knobs.roll * draw.child("roll").wander(times, 1.5),
            zoom=1.0 + knobs.zoom * draw.child("zoom").wander(times, 1.5),
        )

    @cached_property
    def _figure(self) -> Figure:
        shape = (self.num_frames, self.num_persons)
        roots = np.zeros((*shape, 3))
        roots[..., 0] = [actor.x for actor in self.actors]
        roots[..., 2] = [actor.z for actor in self.actors]
        yaws = np.broadcast_to(np.array([actor.yaw for actor in self.actors]), shape)
        return figures(self.actors, self._times, self._camera, roots, yaws, self._middle)

    @cached_property
    def _layers(self) -> _Layers:
        figure, knobs = self._figure, self._knobs
        sprites, names, owners, places = [], [], [], []
        for index, actor in enumerate(self.actors):
            pixels = (
                self._stature
                * self._texture_height
                * actor.build.stature
                / max(1.0 - actor.z / self._camera.distance, 0.3)
            )
            density = even_density(_TEXELS_PER_PIXEL * pixels)
            for name, sprite in Tailor(actor.look, actor.build, density).parts().items():
                part = figure.parts[name]
                shown = np.broadcast_to(part.shown, part.near.shape)
                sprites.append(sprite)
                names.append(name)
                owners.append(-1 if name in ("object", "shadow") else index)
                places.append([each[:, index] for each in (part.origin, part.axis, part.width, part.near, shown)])
        rng = self._rng.child("occluders")
        for thing in (
            *standing_occluders(rng.child("standing"), self._camera, knobs.poles, knobs.counters, self._half_width),
            *passing_occluders(
                rng.child("passing"), self._times, self.size, self._texture_height, knobs.passing, knobs.covering
            ),
        ):
            sprites.append(thing.sprite)
            names.append("")
            owners.append(-1)
            places.append([thing.origin, thing.axis, thing.width, thing.near, thing.shown])
        origins, axes, widths, near, shown = (np.stack(column, 1) for column in zip(*places, strict=True))
        near = np.floor(near * _NEAR_STEPS + 0.5) / _NEAR_STEPS
        maps = place(sprites, origins, axes, widths)
        return _Layers(sprites, names, np.array(owners, np.int16), maps, near, shown)

    @cached_property
    def _backdrop(self) -> Backdrop:
        knobs, rng = self._knobs, self._rng.child("backdrop")
        low, high = knobs.distractors
        horizon = self._camera.anchor[1] / self.size[1] - self._stature * rng.uniform(0.12, 0.3)
        count = int(rng.uniform(low, high + 1))
        return Backdrop(rng, self.size, self.backdrop_maps, horizon, knobs.clutter, count, knobs.contrast)

    @cached_property
    def backdrop_maps(self) -> np.ndarray:
        """``(F, 2, 3)`` from the still backdrop to each frame, in pixels."""
        return self._camera.backdrop()

    def paint(self, index: int) -> Painting:
        """Paint frame ``index``."""
        layers = self._layers
        width, height = self.size
        canvas = Canvas(self._backdrop.seen(self.backdrop_maps[index], self.size))
        amodal = np.zeros((self.num_persons, height, width), bool)
        covers = [amodal[owner] if owner >= 0 else None for owner in layers.owners]
        canvas.paint(layers.sprites, layers.maps[index], self._order(index), covers)
        return Painting(canvas.colours, canvas.front, amodal)

    def _order(self, index: int) -> list[int]:
        layers = self._layers
        order = np.argsort(layers.near[index], kind="stable")
        return order[layers.shown[index][order]].tolist()

    def develop(self, painting: Painting, index: int) -> np.ndarray:
        """The camera's picture of frame ``index``, ``(H, W, 3)`` uint8 BGR."""
        return develop(painting.colours, self._knobs, self._rng.child("develop"), index, float(self._times[index]))

    def owner_map(self, painting: Painting) -> np.ndarray:
        """``(H, W)`` int16: the person seen at each pixel; -1 for background and objects."""
        return np.append(self._layers.owners, np.int16(-1))[painting.front]

    def joints(self, painting: Painting, index: int) -> np.ndarray:
        """``(P, 17, 3)`` float64 ``(x, y, v)``; ``v`` as COCO has it, 0 outside the picture, where x and y are kept."""
        layers, figure = self._layers, self._figure
        width, height = self.size
        places = np.floor(figure.joints[index] * 16.0 + 0.5) / 16.0
        pixels = np.floor(places + 0.5).astype(int)
        inside = ((pixels >= 0) & (pixels < (width, height))).all(-1)
        result = np.zeros((*places.shape[:2], 3))
        result[..., :2] = places
        for person, joint in zip(*np.nonzero(inside), strict=True):
            x, y = pixels[person, joint]
            layer = painting.front[y, x]
            seen = (
                layer >= 0
                and layers.owners[layer] == person
                and layers.names[layer] in SHOWN_BY[joint]
                and figure.turned_to[index, person, joint]
            )
            result[person, joint, 2] = 2 if seen else 1
        return result

    def flow(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel of frame ``start`` is in frame ``end``.

        A pixel moves with the layer seen at it: ``T_end T_start^-1 p - p`` with that layer's affine maps.

        Returns:
            Flow ``(2, H, W)`` float32, pixels (x, y); and ``(H, W)`` bool, where its goal is outside the picture or
            behind something nearer (occluded).
        """
        layers = self._layers
        width, height = self.size
        before = self.paint(start).front
        first, second = (
            np.concatenate([layers.maps[frame], self.backdrop_maps[frame][None]]) for frame in (start, end)
        )
        move = _compose(second, first)[before]
        x, y = np.arange(width)[None], np.arange(height)[:, None]
        goal_x = move[..., 0, 0] * x + move[..., 0, 1] * y + move[..., 0, 2]
        goal_y = move[..., 1, 0] * x + move[..., 1, 1] * y + move[..., 1, 2]
        order = self._order(end)
        rank = np.full(len(layers.sprites) + 1, len(layers.sprites))
        rank[order] = np.arange(len(order))
        rank[-1] = -1
        nearest = rank[front_at(layers.sprites, layers.maps[end], order, goal_x, goal_y)]
        occluded = (goal_x < -0.5) | (goal_x >= width - 0.5) | (goal_y < -0.5) | (goal_y >= height - 0.5)
        occluded |= (nearest > rank[before]) | (rank[before] == len(layers.sprites))
        return np.stack([goal_x - x, goal_y - y]).astype(np.float32), occluded


def _compose(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """``(n, 2, 3)``: the maps that undo ``first`` and then do ``second``."""
    back = invert(first)
    linear = np.einsum("nij,njk->nik", second[..., :2], back[..., :2])
    offset = np.einsum("nij,nj->ni", second[..., :2], back[..., 2]) + second[..., 2]
    return np.concatenate([linear, offset[..., None]], -1)
