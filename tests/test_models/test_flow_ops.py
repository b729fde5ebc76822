"""Flow tools against brute force, one pixel at a time, in float64."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmselfhuman.models.flow import (
    compose,
    consistency_error,
    fetch_labels,
    inside,
    mask_consistency,
    occlusion,
    photometric_error,
    resize_flow,
    warp,
)


def bilinear(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """``image`` (C, H, W) at a place, border pixels repeated outside."""
    height, width = image.shape[1:]
    x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
    left, top = math.floor(x), math.floor(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    a, b = x - left, y - top
    upper = (1 - a) * image[:, top, left] + a * image[:, top, right]
    lower = (1 - a) * image[:, bottom, left] + a * image[:, bottom, right]
    return (1 - b) * upper + b * lower


def pixels(height: int, width: int):
    return ((y, x) for y in range(height) for x in range(width))


def field(seed: int, channels: int, height: int, width: int, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, height, width, generator=generator, dtype=torch.float64) * scale


@st.composite
def scenes(draw):
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    return draw(st.integers(0, 10_000)), height, width, draw(st.sampled_from([0.0, 0.4, 2.0, 9.0]))


@settings(max_examples=40, deadline=None)
@given(scenes())
def test_warp_composition_and_errors_equal_brute_force(scene):
    seed, height, width, scale = scene
    image = field(seed, 3, height, width)
    first, second = field(seed + 1, 2, height, width, scale), field(seed + 2, 2, height, width, scale)
    fetched, chained = warp(image, first)[0].numpy(), compose(first, second)[0].numpy()
    error = consistency_error(first, second)[0, 0].numpy()
    hidden = occlusion(first, second)[0, 0].numpy()
    colour = photometric_error(field(seed + 3, 3, height, width), image, first)[0, 0].numpy()
    source = field(seed + 3, 3, height, width)[0].numpy()
    f, g = first[0].numpy(), second[0].numpy()
    for y, x in pixels(height, width):
        there = x + f[0, y, x], y + f[1, y, x]
        seen = bilinear(image[0].numpy(), *there)
        step = bilinear(g, *there)
        whole = f[:, y, x] + step
        outside = not (0 <= there[0] <= width - 1 and 0 <= there[1] <= height - 1)
        assert fetched[:, y, x] == pytest.approx(seen, abs=1e-9)
        assert chained[:, y, x] == pytest.approx(whole, abs=1e-9)
        assert error[y, x] == pytest.approx(math.hypot(*whole), abs=1e-9)
        assert colour[y, x] == pytest.approx(np.abs(source[:, y, x] - seen).mean(), abs=1e-9)
        bound = 0.01 * ((f[:, y, x] ** 2).sum() + (step**2).sum()) + 0.5
        assert hidden[y, x] == (outside or (whole**2).sum() > bound)


@settings(max_examples=40, deadline=None)
@given(scenes())
def test_labels_and_inside_equal_brute_force(scene):
    seed, height, width, scale = scene
    flow = field(seed, 2, height, width, scale)
    generator = torch.Generator().manual_seed(seed)
    here, there = (torch.randint(0, 3, (1, height, width), generator=generator) for _ in range(2))
    fetched, within = fetch_labels(there, flow), inside(flow)
    linked = mask_consistency(here, there, flow)
    for y, x in pixels(height, width):
        place = x + flow[0, 0, y, x].item(), y + flow[0, 1, y, x].item()
        column = min(max(math.floor(place[0] + 0.5), 0), width - 1)
        row = min(max(math.floor(place[1] + 0.5), 0), height - 1)
        assert fetched[0, y, x] == there[0, row, column]
        assert linked[0, y, x] == (there[0, row, column] == here[0, y, x])
        assert within[0, 0, y, x] == (0 <= place[0] <= width - 1 and 0 <= place[1] <= height - 1)


def test_zero_flow_fetches_the_image_itself():
    image = torch.rand(2, 3, 480, 854)
    assert torch.allclose(warp(image, torch.zeros(2, 2, 480, 854)), image, atol=2e-4)


def test_whole_steps_in_float32_fetch_whole_pixels():
    image = torch.arange(20.0).view(1, 1, 4, 5)
    flow = torch.tensor([2.0, -1.0]).view(1, 2, 1, 1).expand(1, 2, 4, 5)
    expected = torch.tensor(
        [[2, 3, 4, 4, 4], [2, 3, 4, 4, 4], [7, 8, 9, 9, 9], [12, 13, 14, 14, 14]], dtype=torch.float32
    )
    assert torch.allclose(warp(image, flow)[0, 0], expected, atol=1e-4)


def test_flow_to_a_rotated_image_and_back_is_the_identity():
    height, width, angle = 41, 61, 0.2
    y, x = np.mgrid[:height, :width].astype(np.float64)
    x, y = x - 30, y - 20

    def rotation(angle):
        moved = np.stack([math.cos(angle) * x - math.sin(angle) * y, math.sin(angle) * x + math.cos(angle) * y])
        return torch.from_numpy(moved - np.stack([x, y]))[None]

    forward, backward = rotation(angle), rotation(-angle)
    stays = inside(forward)
    # A rotation is linear in x and y, and bilinear lookup is exact on linear fields.
    assert consistency_error(forward, backward)[stays].max() < 1e-9
    assert torch.allclose(compose(forward, forward)[0][:, stays[0, 0]], rotation(2 * angle)[0][:, stays[0, 0]])
    assert torch.equal(occlusion(forward, backward), ~stays)


def test_resized_flow_moves_the_same_share_of_the_image():
    flow = torch.ones(1, 2, 4, 8)
    smaller, larger = resize_flow(flow, (2, 2)), resize_flow(flow, (8, 8))
    assert smaller.shape == (1, 2, 2, 2)
    assert torch.equal(smaller[0, :, 0, 0], torch.tensor([0.25, 0.5]))
    assert torch.equal(larger[0, :, 3, 3], torch.tensor([1.0, 2.0]))
    assert resize_flow(flow, (4, 8)) is flow


def test_a_batch_is_its_samples():
    image, flow = torch.rand(3, 2, 5, 6), torch.randn(3, 2, 5, 6)
    whole = warp(image, flow)
    assert all(torch.equal(whole[i : i + 1], warp(image[i : i + 1], flow[i : i + 1])) for i in range(3))


@pytest.mark.parametrize(
    ("image", "flow", "error", "message"),
    [
        (torch.rand(1, 1, 4, 4), torch.zeros(1, 2, 4, 4, dtype=torch.int64), TypeError, "flow: expected a floating"),
        (torch.rand(1, 1, 4, 4), torch.zeros(1, 3, 4, 4), ValueError, r"flow: expected shape \(N, 2, H, W\)"),
        (torch.rand(1, 1, 4, 4), torch.zeros(2, 4, 4), ValueError, r"got \(2, 4, 4\)"),
        (torch.rand(1, 1, 4, 5), torch.zeros(1, 2, 4, 4), ValueError, r"image: expected .* got \(1, 1, 4, 5\)"),
        (torch.rand(1, 1, 4, 4).double(), torch.zeros(1, 2, 4, 4), TypeError, "image: expected the flow's dtype"),
    ],
)
def test_warp_names_what_does_not_fit(image, flow, error, message):
    with pytest.raises(error, match=message):
        warp(image, flow)


def test_labels_of_other_sizes_are_refused():
    with pytest.raises(ValueError, match="labels: expected"):
        fetch_labels(torch.zeros(1, 3, 4), torch.zeros(1, 2, 4, 4))
    with pytest.raises(ValueError, match="differ in size"):
        mask_consistency(torch.zeros(1, 3, 4), torch.zeros(1, 4, 4), torch.zeros(1, 2, 4, 4))
