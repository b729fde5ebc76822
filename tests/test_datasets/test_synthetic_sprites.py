"""Painting in integers: against a pixel by pixel reference, and the facts the masks rely on."""

import numpy as np
import pytest

from mmselfhuman.datasets.synthetic.randomness import Stream
from mmselfhuman.datasets.synthetic.shapes import PROFILES, make_shape
from mmselfhuman.datasets.synthetic.sprites import (
    Canvas,
    front_at,
    invert,
    make_sprite,
    pack,
    place,
    shaded,
    solid,
    unpack,
)


def test_packing_and_unpacking_are_inverse():
    colours = np.random.RandomState(0).randint(0, 256, (5, 7, 3)).astype(np.uint8)
    np.testing.assert_array_equal(unpack(pack(colours)), colours)
    assert solid((1, 2, 3)) == pack(np.array((1, 2, 3)))


def test_shading_keeps_lanes_apart():
    packed = pack(np.array([[255, 0, 255], [200, 100, 50]]))
    np.testing.assert_array_equal(unpack(shaded(packed, np.uint64(128))), [[127, 0, 127], [100, 50, 25]])


@pytest.mark.parametrize("name", PROFILES)
def test_every_shape_is_whole_and_has_an_empty_border(name):
    shape = make_shape(name, 300)
    assert shape.alpha.max() == 256
    for edge in (shape.alpha[0], shape.alpha[-1], shape.alpha[:, 0], shape.alpha[:, -1]):
        assert not edge.any()
    assert shape.shade.max() <= 256


def test_the_area_of_a_shape_does_not_depend_on_its_density():
    areas = [make_shape("trunk", density).alpha.sum() / 256 / density**2 for density in (30, 60, 120)]
    assert np.ptp(areas) < 0.01 * areas[0]


def _scene():
    rng = Stream("sprites")
    sprites = [
        make_sprite(make_shape(name, 40), solid(colour), opacity)
        for name, colour, opacity in (
            ("trunk", (200, 30, 90), 256),
            ("hand", (10, 250, 90), 256),
            ("shadow", (0, 0, 0), 110),
            ("foot", (77, 88, 99), 256),
        )
    ]
    count = len(sprites)
    origins = np.array([[rng.uniform(5, 35), rng.uniform(5, 30)] for _ in range(count)])
    turns = np.array([rng.uniform(0, 6.3) for _ in range(count)])
    axes = np.stack([np.cos(turns), np.sin(turns)], -1) * 70
    widths = np.stack([-np.sin(turns), np.cos(turns)], -1) * 55
    return sprites, place(sprites, origins, axes, widths)


def test_painting_agrees_with_a_reference_that_visits_every_pixel():
    sprites, maps = _scene()
    order = [2, 0, 3, 1]
    background = pack(Stream("ground").bytes(36, 40, 3))
    canvas, covers = Canvas(background.copy()), [np.zeros((36, 40), bool) for _ in sprites]
    canvas.paint(sprites, maps, order, covers)
    steps = np.floor(invert(maps) * 65536 + 0.5).astype(int)
    for y in range(36):
        for x in range(40):
            colour, front = unpack(background[y, x]).astype(int), -1
            for index in order:
                column, row = ((steps[index] @ (x, y, 1)) >> 16).tolist()
                texels = sprites[index].texels
                if not (0 <= row < texels.shape[0] and 0 <= column < texels.shape[1]):
                    assert not covers[index][y, x]
                    continue
                texel = int(texels[row, column])
                rest = texel >> 48
                lanes = np.array([texel >> shift & 0xFFFF for shift in (0, 16, 32)])
                colour = (colour * rest + lanes) >> 8
                front = index if rest <= 128 else front
                assert covers[index][y, x] == (rest <= 128)
            np.testing.assert_array_equal(unpack(canvas.colours[y, x]), colour)
            assert canvas.front[y, x] == front


def test_a_faint_sprite_darkens_but_covers_nothing():
    sprites, maps = _scene()
    canvas = Canvas(np.full((36, 40), solid((200, 200, 200))))
    canvas.paint(sprites, maps, [2])
    assert (canvas.front == -1).all()
    assert unpack(canvas.colours).min() < 150


def test_the_front_at_pixel_centres_is_the_painted_front():
    sprites, maps = _scene()
    canvas = Canvas(np.zeros((36, 40), np.uint64))
    canvas.paint(sprites, maps, [0, 1, 2, 3])
    y, x = np.mgrid[:36, :40].astype(float)
    found = front_at(sprites, maps, [0, 1, 2, 3], x, y)
    assert (found == canvas.front).mean() > 0.999, "the painter's steps have 16 binary digits"


def test_inverse_maps_bring_points_back():
    _, maps = _scene()
    back = invert(maps)
    point = np.array([3.0, 4.0, 1.0])
    there = maps @ point
    np.testing.assert_allclose(np.einsum("nij,nj->ni", back[..., :2], there) + back[..., 2], [[3, 4]] * 4, atol=1e-9)
    assert not invert(np.zeros((1, 2, 3))).any()
