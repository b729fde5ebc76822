"""Equation (5) against a pixel-by-pixel reference, in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmselfhuman.models.tpr import Neighbour, fuse, logits_from_labels, predicted_labels


def look_up(field, x, y):
    """A (C, H, W) tensor at a place, bilinear, border pixels repeated outside."""
    height, width = field.shape[1:]
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    left, top = math.floor(x), math.floor(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    a, b = x - left, y - top
    upper = (1 - a) * field[:, top, left] + a * field[:, top, right]
    lower = (1 - a) * field[:, bottom, left] + a * field[:, bottom, right]
    return (1 - b) * upper + b * lower


def reference(logits, neighbours):
    """Equation (5) written out: one pixel, one neighbour at a time."""
    height, width = logits.shape[1:]
    total, weights = torch.zeros_like(logits), torch.zeros(1, height, width, dtype=logits.dtype)
    for y in range(height):
        for x in range(width):
            votes, weight = logits[:, y, x].clone(), 1.0
            for other, flow, trust in neighbours:
                there_x, there_y = x + flow[0, y, x].item(), y + flow[1, y, x].item()
                if trust is None:
                    share = float(0 <= there_x <= width - 1 and 0 <= there_y <= height - 1)
                else:
                    share = trust[0, y, x].item()
                votes += share * look_up(other, there_x, there_y)
                weight += share
            total[:, y, x], weights[0, y, x] = votes, weight
    return total, weights


@st.composite
def windows(draw):
    classes, height, width = draw(st.integers(2, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 6))
    count = draw(st.sampled_from([1, 2, 4, 6]))  # windows 2, 3, 5, 7
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))

    def noise(channels, scale=1.0):
        return torch.randn(channels, height, width, generator=generator, dtype=torch.float64) * scale

    trusted = draw(st.booleans())
    scale = draw(st.sampled_from([0.0, 0.7, 5.0]))
    neighbours = [(noise(classes), noise(2, scale), noise(1).sigmoid() if trusted else None) for _ in range(count)]
    return noise(classes), neighbours


@settings(max_examples=60, deadline=None)
@given(windows())
def test_fusion_equals_the_pixel_by_pixel_sum(window):
    logits, neighbours = window
    batched = [Neighbour(a[None], f[None], None if w is None else w[None]) for a, f, w in neighbours]
    total, weights = fuse(logits[None], batched)
    expected, expected_weights = reference(logits, neighbours)
    assert torch.allclose(total[0], expected, rtol=0, atol=1e-9)
    assert torch.allclose(weights[0], expected_weights, rtol=0, atol=1e-12)


def test_negated_flow_reads_the_frame_before_as_equation_5_does():
    # u_t moves every pixel of t - 1 by 2 to the right: what t shows at x stood at x - 2.
    previous = torch.arange(12.0).view(1, 2, 1, 6)
    forward = torch.tensor([2.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 6)
    total, weights = fuse(torch.zeros(1, 2, 1, 6), [Neighbour(previous, -forward)])
    assert torch.allclose(total[0, :, 0], torch.tensor([[0, 0, 0, 1, 2, 3], [0, 0, 6, 7, 8, 9.0]]), atol=1e-5)
    assert weights[0, 0, 0].tolist() == [1, 1, 2, 2, 2, 2]


def test_two_neighbours_outvote_a_frame_and_the_mean_has_the_argmax_of_the_sum():
    own, other = torch.tensor([3.0, 0.0]).view(1, 2, 1, 1), torch.tensor([0.0, 2.0]).view(1, 2, 1, 1)
    still = torch.zeros(1, 2, 1, 1)
    total, weights = fuse(own, [Neighbour(other, still), Neighbour(other, still)])
    assert total.flatten().tolist() == [3, 4]
    assert torch.equal(predicted_labels(total), predicted_labels(total / weights))


def test_gating_by_label_agreement_would_change_nothing():
    generator = torch.Generator().manual_seed(0)
    logits, other = (torch.randn(1, 3, 8, 8, generator=generator) for _ in range(2))
    agreeing = (predicted_labels(logits) == predicted_labels(other)).float()[:, None]
    total, _ = fuse(logits, [Neighbour(other, torch.zeros(1, 2, 8, 8), agreeing)])
    assert torch.equal(predicted_labels(total), predicted_labels(logits))


def test_no_neighbour_leaves_the_logits():
    logits = torch.randn(1, 2, 3, 3)
    total, weights = fuse(logits, [])
    assert torch.equal(total, logits)
    assert torch.equal(weights, torch.ones(1, 1, 3, 3))


def test_what_does_not_fit_is_named():
    logits, still = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    with pytest.raises(ValueError, match=r"neighbours of shape \(1, 2, 4, 4\), got \(1, 3, 4, 4\)"):
        fuse(logits, [Neighbour(torch.zeros(1, 3, 4, 4), still)])
    with pytest.raises(ValueError, match=r"weight: expected \(1, 1, 4, 4\), got \(1, 4, 4\)"):
        fuse(logits, [Neighbour(logits, still, torch.ones(1, 4, 4))])


def test_predicted_labels_are_the_argmax():
    logits = torch.randn(2, 5, 6, 7, generator=torch.Generator().manual_seed(1)).round()
    assert torch.equal(predicted_labels(logits).long(), logits.argmax(1))
    assert predicted_labels(torch.zeros(1, 300, 1, 1)).dtype == torch.int64


def test_labels_become_logits_and_unknown_ones_say_nothing():
    logits = logits_from_labels(torch.tensor([[[0, 2, 255]]]), num_classes=3, margin=6.0)
    expected = torch.tensor([[4.0, -2, -2], [-2, -2, 4], [0, 0, 0]])
    assert torch.allclose(logits[0, :, 0].T, expected)
    with pytest.raises(TypeError, match="labels: expected integers"):
        logits_from_labels(torch.zeros(1, 1, 1), 2)
    with pytest.raises(ValueError, match="num_classes"):
        logits_from_labels(torch.zeros(1, 1, 1, dtype=torch.int64), 1)
