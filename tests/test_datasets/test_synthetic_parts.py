"""Wardrobe, camera, backdrops, occluders and degradations, each on its own."""

import numpy as np
import pytest

from mmselfhuman.datasets.synthetic import DOMAINS
from mmselfhuman.datasets.synthetic.appearance import PATTERNS, Cloth, Tailor, draw_build, draw_look, weave
from mmselfhuman.datasets.synthetic.backdrops import Backdrop
from mmselfhuman.datasets.synthetic.camera import Camera
from mmselfhuman.datasets.synthetic.degradations import develop
from mmselfhuman.datasets.synthetic.domains import SOURCE, domain_knobs
from mmselfhuman.datasets.synthetic.figure import SHOWN_BY
from mmselfhuman.datasets.synthetic.occluders import passing_occluders
from mmselfhuman.datasets.synthetic.randomness import Stream
from mmselfhuman.datasets.synthetic.sprites import pack, solid

CLEAR = SOURCE.turned({"light": 0.0, "noise": 0.0})


def still_camera(**changes):
    settings = {"scale": 100.0, "elevation": 0.0, "distance": 8.0, "anchor": (64.0, 120.0)}
    settings |= {"pan": np.zeros((1, 2)), "roll": np.zeros(1), "zoom": np.ones(1)}
    return Camera(**(settings | changes))


@pytest.mark.parametrize("seed", range(20))
def test_every_look_has_the_parts_that_show_its_joints(seed):
    rng = Stream("look", seed)
    build = draw_build(rng, 0.3)
    parts = Tailor(draw_look(rng, 0.8, 0.5, 0.8), build, 60).parts()
    for names in SHOWN_BY:
        assert set(names) & set(parts)
    assert 0.5 < build.stature < 1.1
    assert len(parts) >= 24


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_use_both_colours_and_plain_cloth_one(pattern):
    s, c = (np.arange(80) / 200)[:, None], (np.arange(60) / 200 - 0.15)[None]
    colours = weave(Cloth(pattern, (1, 2, 3), (200, 100, 50), 0.05), s, c)
    assert colours.shape == (80, 60)
    expected = {solid((1, 2, 3))} if pattern in ("plain", "print") else {solid((1, 2, 3)), solid((200, 100, 50))}
    assert set(np.unique(colours).tolist()) == {int(colour) for colour in expected}


def test_a_level_camera_shows_height_upwards_and_nearness_larger():
    camera = still_camera()
    flat, near = camera.turned(np.array([[[0.3, 0.5, 0.2]]]))
    np.testing.assert_allclose(flat[0, 0], (0.3, -0.5))
    assert near.item() == 0.2
    assert camera.depth_scale(np.array([[1.0]])) > camera.depth_scale(np.array([[0.0]])) == 100.0


def test_a_camera_looking_down_sees_near_ground_lower():
    camera = still_camera(elevation=0.3)
    places, _ = camera.root(np.array([[[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]]))
    np.testing.assert_allclose(places[0, 0], (64.0, 120.0))
    assert places[0, 1, 1] > 120.0


def test_the_backdrop_moves_as_the_worlds_origin_does():
    camera = still_camera(pan=np.array([[5.0, -3.0]]), roll=np.array([0.2]), zoom=np.array([1.3]))
    places, _ = camera.root(np.zeros((1, 1, 3)))
    moved = camera.backdrop()[0] @ (64.0, 120.0, 1.0)
    np.testing.assert_allclose(moved, places[0, 0], atol=1e-3)


@pytest.mark.parametrize("seed", range(8))
def test_a_backdrop_seen_from_a_camera_that_moved_by_whole_pixels_is_the_same_shifted(seed):
    maps = np.stack([still_camera(pan=np.array([pan])).backdrop()[0] for pan in ((0.0, 0.0), (7.0, -4.0))])
    backdrop = Backdrop(Stream("backdrop", seed), (96, 80), maps, 0.6, 1.0, 2, 0.7)
    rest, moved = (backdrop.seen(each, (96, 80)) for each in maps)
    np.testing.assert_array_equal(moved[:-4, 7:], rest[4:, :-7])
    assert len(np.unique(rest)) > 200, "busy"


def test_what_passes_at_a_time_does_not_depend_on_which_times_are_asked_for():
    times = 3.0 + np.arange(48) / 12
    whole = passing_occluders(Stream("pass"), times, (128, 128), 128, 0.8, 0.8)
    part = passing_occluders(Stream("pass"), times[20:24], (128, 128), 128, 0.8, 0.8)
    assert sum(one.shown.any() for one in whole) > 2
    visible = [one for one in whole if one.shown[20:24].any()]
    assert len(visible) == len(part)
    for one, other in zip(visible, part, strict=True):
        np.testing.assert_array_equal(one.shown[20:24], other.shown)
        np.testing.assert_allclose(one.origin[20:24], other.origin)


def test_things_before_the_lens_come_and_go_within_a_second():
    times = np.arange(600) / 60
    things = passing_occluders(Stream("go"), times, (128, 128), 128, 1.0, 2.0)
    lasting = [thing.shown.sum() / 60 for thing in things]
    assert len(lasting) > 10
    assert max(lasting) < 0.65
    assert min(lasting) > 0.05


def test_without_degradations_the_picture_is_what_was_painted():
    painted = Stream("p").bytes(20, 24, 3)
    np.testing.assert_array_equal(develop(pack(painted), CLEAR, Stream("c"), 0, 0.0), painted)


@pytest.mark.parametrize("kind", [{"shake_blur": 1.0, "shake_length": (0.1, 0.2)}, {"defocus": 1.0}])
def test_blur_keeps_flat_pictures_and_the_mean_and_takes_detail(kind):
    knobs = CLEAR.turned(kind)
    flat = np.full((64, 64), solid((9, 120, 250)))
    np.testing.assert_array_equal(develop(flat, knobs, Stream("c"), 0, 0.0), np.full((64, 64, 3), (9, 120, 250)))
    noise = Stream("n").bytes(64, 64, 3)
    blurred = develop(pack(noise), knobs, Stream("c"), 0, 0.0).astype(int)
    assert blurred.mean() == pytest.approx(noise.mean(), abs=4)
    assert blurred.std() < 0.75 * noise.std()


def test_light_noise_and_losses_do_what_they_say():
    grey = np.full((64, 64), solid((120, 120, 120)))
    flash, gloom, noisy = (
        develop(grey, CLEAR.turned(knobs), Stream("c"), 0, 0.0).astype(float)
        for knobs in ({"flash": 1.0}, {"gloom": 1.0}, {"noise": 5.0})
    )
    assert flash.min() > 200
    assert gloom.max() < 50
    assert noisy.mean() == pytest.approx(120, abs=0.5)
    assert noisy.std() == pytest.approx(5.0, rel=0.1)
    detail = Stream("n").bytes(64, 64, 3)
    lost = develop(pack(detail), CLEAR.turned({"dropout": 1.0}), Stream("c"), 0, 0.0)
    changed = (lost != detail).any(-1).mean()
    assert 0.02 < changed < 0.6


def test_each_frame_draws_its_own_degradations():
    knobs = CLEAR.turned({"gloom": 0.5})
    grey = np.full((32, 32), solid((120, 120, 120)))
    dark = [develop(grey, knobs, Stream("c"), frame, 0.0).mean() < 60 for frame in range(60)]
    assert 15 < sum(dark) < 45


def test_domains_are_named_and_the_target_is_harder_everywhere():
    source, target = (domain_knobs(name) for name in DOMAINS)
    for name in (
        "shake_blur",
        "defocus",
        "flash",
        "gloom",
        "light",
        "dropout",
        "noise",
        "poles",
        "passing",
        "covering",
    ):
        assert getattr(target, name) > getattr(source, name)
    assert target.pair_share > source.pair_share
    with pytest.raises(ValueError, match="unknown domain 'moon'"):
        domain_knobs("moon")
