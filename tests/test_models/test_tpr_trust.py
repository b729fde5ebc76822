"""Weights of flow vectors."""

import math

import pytest
import torch

from mmselfhuman.models.tpr import FlowTrust


def shifted(step: int, height: int = 24, width: int = 32) -> torch.Tensor:
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)) * 255
    return torch.roll(picture, step, dims=3)


def constant(x: float, height: int = 24, width: int = 32) -> torch.Tensor:
    return torch.tensor([x, 0.0]).view(1, 2, 1, 1).expand(1, 2, height, width).clone()


def test_true_motion_is_trusted_and_the_border_beyond_is_not():
    weight = FlowTrust()(shifted(0), shifted(3), constant(3), constant(-3))[0, 0]
    assert weight[:, :-3].min() > 0.99
    assert weight[:, -3:].max() == 0


def test_the_weight_is_the_formula():
    trust = FlowTrust(photometric=(10.0, 2.0, 5.0), consistency=(2.0, 1.0, 3.0), cut=100)
    src = torch.full((1, 3, 16, 16), 100.0)
    dst = src + 8
    dst[:, :, 8, 8] += 30
    forward, backward = torch.zeros(1, 2, 16, 16), torch.zeros(1, 2, 16, 16)
    backward[:, 0] = 4
    weight = trust(src, dst, forward, backward)[0, 0]
    scales = 10 + 2 * min(8, 5), 2 + 1 * min(4, 3)
    assert weight[0, 0] == pytest.approx(math.exp(-((8 / scales[0]) ** 2) - (4 / scales[1]) ** 2), rel=1e-4)
    assert weight[8, 8] == pytest.approx(math.exp(-((38 / scales[0]) ** 2) - (4 / scales[1]) ** 2), rel=1e-3)


def test_a_wrong_vector_is_trusted_less_than_its_neighbours():
    forward = constant(3)
    forward[0, :, 12, 16] = torch.tensor([-4.0, 2.0])
    weight = FlowTrust()(shifted(0), shifted(3), forward, constant(-3))[0, 0]
    assert weight[12, 16] < 0.2
    assert weight[12, 18] > 0.99


def test_scales_adapt_to_a_pair_in_which_every_error_is_large():
    src = torch.full((1, 3, 16, 16), 100.0)
    still = torch.zeros(1, 2, 16, 16)
    clean, faded = src.clone(), src + 8
    clean[:, :, 4:6, 4:6] += 12
    faded[:, :, 4:6, 4:6] += 12
    sharp, blurred = FlowTrust()(src, clean, still, still), FlowTrust()(src, faded, still, still)
    assert sharp[0, 0, 4, 4] < 0.2
    assert blurred[0, 0, 0, 0] > 0.8
    assert blurred[0, 0, 4, 4] > sharp[0, 0, 4, 4]


def test_frames_of_two_scenes_are_not_trusted_at_all_and_samples_do_not_meet():
    src = torch.cat([shifted(0), shifted(0)])
    dst = torch.cat([shifted(0), 255 - shifted(0)])
    weight = FlowTrust()(src, dst, torch.zeros(2, 2, 24, 32), torch.zeros(2, 2, 24, 32))
    assert weight[0].min() == 1
    assert weight[1].max() == 0
