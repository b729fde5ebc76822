"""Equations (6)-(9)."""

import math

import torch

from mmselfhuman.models.flow import inside, warp
from mmselfhuman.models.tpr import integrate, propagate


def rotation(angle: float, side: int = 41) -> torch.Tensor:
    """The flow (1, 2, side, side) of a turn about the middle."""
    y, x = torch.meshgrid(*(torch.arange(side, dtype=torch.float64) - side // 2 for _ in range(2)), indexing="ij")
    turned = math.cos(angle) * x - math.sin(angle) * y, math.sin(angle) * x + math.cos(angle) * y
    return torch.stack([turned[0] - x, turned[1] - y])[None]


def test_the_displacement_is_the_integral_of_the_steps_not_their_sum():
    steps = [rotation(0.1) for _ in range(4)]
    displacements = list(integrate(steps))
    middle = (slice(None), slice(None), slice(12, 29), slice(12, 29))
    for number, displacement in enumerate(displacements, 1):
        assert torch.allclose(displacement[middle], rotation(0.1 * number)[middle], atol=1e-9)
    assert not torch.allclose(sum(steps)[middle], rotation(0.4)[middle], atol=0.1)


def test_a_mask_travels_forward_through_all_frames_between():
    mask = torch.zeros(1, 2, 1, 8)
    mask[0, 1, 0, 1:3] = 5  # the person stands at x = 1, 2 and walks one pixel a frame
    back = torch.tensor([-1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 8)
    seen = [(logits[0, 1, 0] > 2.5).nonzero()[:, 0].tolist() for logits, _ in propagate(mask, [back] * 4)]
    assert seen == [[2, 3], [3, 4], [4, 5], [5, 6]]


def test_a_mask_travels_backward_in_time_just_so():
    mask = torch.zeros(1, 2, 1, 8)
    mask[0, 1, 0, 5:7] = 5
    ahead = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 8)
    seen = [(logits[0, 1, 0] > 2.5).nonzero()[:, 0].tolist() for logits, _ in propagate(mask, [ahead] * 3)]
    assert seen == [[4, 5], [3, 4], [2, 3]]


def test_propagation_says_which_pixels_the_first_frame_shows():
    back = torch.tensor([-2.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 6)
    (_, first), (_, second) = propagate(torch.zeros(1, 2, 1, 6), [back, back])
    assert inside(first)[0, 0, 0].tolist() == [False, False, True, True, True, True]
    assert inside(second)[0, 0, 0].tolist() == [False, False, False, False, True, True]


def test_equation_6_holds_between_the_ends_of_a_turn():
    side, steps = 41, 5
    y, x = torch.meshgrid(*(torch.arange(side, dtype=torch.float64) for _ in range(2)), indexing="ij")
    first = torch.stack([x + 2 * y, x - y])[None]  # linear, so that bilinear lookup is exact
    *_, (last, _) = propagate(first, [rotation(-0.05) for _ in range(steps)])
    *_, displacement = integrate([rotation(0.05) for _ in range(steps)])
    middle = (slice(None), slice(None), slice(14, 27), slice(14, 27))
    assert torch.allclose(warp(last, displacement)[middle], first[middle], atol=1e-9)
