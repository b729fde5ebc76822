"""The flow refinement unit: which vectors it searches, what it may choose, and a brute-force search beside it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmselfhuman.models.flow import inside
from mmselfhuman.models.tpr import FlowRefinement, matching_errors, unreliable_vectors


def look_up(field, x, y):
    height, width = field.shape[1:]
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    left, top = math.floor(x), math.floor(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    a, b = x - left, y - top
    upper = (1 - a) * field[:, top, left] + a * field[:, top, right]
    lower = (1 - a) * field[:, bottom, left] + a * field[:, bottom, right]
    return (1 - b) * upper + b * lower


def error_of(src, dst, x, y, vector, radius):
    """The matching error of one vector, sample by sample."""
    height, width = src.shape[1:]
    differences = []
    for down in range(-radius, radius + 1, 2):
        for across in range(-radius, radius + 1, 2):
            here = src[:, min(max(y + down, 0), height - 1), min(max(x + across, 0), width - 1)]
            there = look_up(dst, x + vector[0].item() + across, y + vector[1].item() + down)
            differences.append(there - here)
    shift = sum(differences) / len(differences)
    return sum((each - shift).abs().mean().item() for each in differences) / len(differences)


def brute_force(unit, src, dst, flow, backward, wanted):
    """The rules of FlowRefinement's docstring, one pixel and one candidate at a time."""
    height, width = src.shape[1:]
    result = flow.clone()

    def detour(x, y, vector):
        return torch.linalg.norm(vector + look_up(backward, x + vector[0].item(), y + vector[1].item())).item()

    def candidates(column, row):
        """Vectors around a cell, nearest first."""
        reach, found = unit.radius // unit.step, []
        for down in range(-reach, reach + 1):
            for across in range(-reach, reach + 1):
                x, y = (column + across) * unit.step, (row + down) * unit.step
                if not (0 <= x < width and 0 <= y < height):
                    continue
                x, y = min(x + unit.step // 2, width - 1), min(y + unit.step // 2, height - 1)
                if detour(x, y, flow[:, y, x]) <= unit.max_detour:
                    found.append((across**2 + down**2, down, across, flow[:, y, x]))
        return [entry[-1] for entry in sorted(found, key=lambda entry: entry[:3])]

    for y in range(height):
        for x in range(width):
            current = flow[:, y, x]
            if not wanted[y, x] or detour(x, y, current) <= unit.max_detour:
                continue
            vectors = candidates(x // unit.step, y // unit.step)
            if not vectors:
                continue
            middle = torch.stack(vectors).sort(dim=0).values[(len(vectors) - 1) // 2]
            worst, nearest = error_of(src, dst, x, y, current, unit.patch_radius), math.inf
            for vector in vectors:
                end_x, end_y = x + vector[0].item(), y + vector[1].item()
                if not (0 <= end_x <= width - 1 and 0 <= end_y <= height - 1):
                    continue
                distance = torch.linalg.norm(vector - middle).item()
                if distance < nearest and error_of(src, dst, x, y, vector, unit.patch_radius) < worst:
                    nearest, result[:, y, x] = distance, vector
    return result


@st.composite
def scenes(draw):
    height, width = draw(st.integers(5, 10)), draw(st.integers(5, 10))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))

    def noise(channels, scale):
        return torch.randn(channels, height, width, generator=generator, dtype=torch.float64) * scale

    scale = draw(st.sampled_from([0.5, 2.0, 4.0]))
    flow = noise(2, scale)
    # Half of the way back is right, so that some vectors do lead back.
    backward = torch.where(noise(1, 1.0) > 0, -flow.mean((1, 2), keepdim=True).expand_as(flow), noise(2, scale))
    channels = draw(st.sampled_from([1, 3]))
    return noise(channels, 30), noise(channels, 30), flow, backward, noise(1, 1.0)[0] > 0


UNITS = [FlowRefinement(2, 1, 1, 3.0), FlowRefinement(4, 2, 1, 1.0), FlowRefinement(4, 4, 2, 5.0)]


@settings(max_examples=60, deadline=None)
@given(scenes(), st.sampled_from(UNITS))
def test_the_search_equals_brute_force_and_no_matching_error_grows(scene, unit):
    src, dst, flow, _, wanted = scene
    refined = unit(*(part[None] for part in scene))[0]
    assert torch.allclose(refined, brute_force(unit, *scene), rtol=0, atol=1e-9)
    y, x = torch.nonzero((refined != flow).any(0), as_tuple=True)
    assert wanted[y, x].all()
    before, after = (matching_errors(src, dst, x, y, f[:, y, x], unit.patch_radius) for f in (flow, refined))
    assert (after < before).all()
    assert inside(refined[None])[0, 0, y, x].all()


def test_a_change_of_light_is_no_matching_error():
    image = torch.rand(3, 9, 9) * 200
    place, still = torch.tensor([4]), torch.zeros(2, 1)
    assert matching_errors(image, image + 40, place, place, still, 2).item() == pytest.approx(0, abs=1e-4)
    assert matching_errors(image, image.flip(1), place + 1, place + 1, still, 2).item() > 1


def test_a_limb_that_the_estimator_left_behind_gets_the_motion_of_its_person():
    height, width = 24, 32
    generator = torch.Generator().manual_seed(0)
    src = torch.rand(1, 1, height, width, generator=generator) * 255
    dst = torch.roll(src, 3, dims=3)
    truth = torch.zeros(1, 2, height, width)
    truth[:, 0] = 3
    flow, backward = truth.clone(), -truth
    flow[:, :, 10:14, 9:12] = 0  # a patch of the moving person that is seen as standing
    labels = torch.zeros(1, height, width, dtype=torch.uint8)
    labels[:, 6:18, 9:18] = 1
    moved = torch.roll(labels, 3, dims=2)
    wrong = unreliable_vectors(flow, labels, moved)
    assert wrong.sum() == 12
    refined = FlowRefinement(8, 4)(src, dst, flow, backward, wrong)
    assert torch.equal(refined, truth)


def test_a_vector_that_leads_back_is_left_alone_whatever_the_labels_say():
    src = torch.rand(1, 1, 12, 12)
    still = torch.zeros(1, 2, 12, 12)
    labels, others = torch.zeros(1, 12, 12), torch.ones(1, 12, 12)
    wrong = unreliable_vectors(still, labels, others)
    assert wrong.all()
    assert torch.equal(FlowRefinement()(src, src, still, still, wrong), still)


def test_vectors_are_unreliable_by_labels_or_by_their_way_back_but_not_outside():
    labels = torch.tensor([[[0, 0, 1, 1]]])
    flow = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 4)
    assert unreliable_vectors(flow, labels, labels).tolist() == [[[False, True, False, False]]]
    away = torch.zeros(1, 2, 1, 4)
    away[0, 0, 0, 3] = 5
    assert unreliable_vectors(flow, labels, labels, -flow).tolist() == [[[False, True, False, False]]]
    assert unreliable_vectors(flow, labels, labels, away).tolist() == [[[False, True, True, False]]]


def test_an_empty_suspicion_changes_nothing_and_copies():
    flow = torch.randn(2, 2, 6, 6)
    image = torch.rand(2, 1, 6, 6)
    refined = FlowRefinement()(image, image, flow, -flow, torch.zeros(2, 6, 6, dtype=torch.bool))
    assert torch.equal(refined, flow)
    assert refined.data_ptr() != flow.data_ptr()


def test_samples_of_a_batch_do_not_meet():
    generator = torch.Generator().manual_seed(3)
    src, dst = (torch.rand(3, 1, 16, 16, generator=generator) * 255 for _ in range(2))
    flow, backward = (torch.randn(3, 2, 16, 16, generator=generator) for _ in range(2))
    wanted = torch.rand(3, 16, 16, generator=generator) > 0.5
    unit = FlowRefinement(4, 2, 1, 2.0)
    whole = unit(src, dst, flow, backward, wanted)
    assert not torch.equal(whole, flow)
    for i in range(3):
        one = slice(i, i + 1)
        assert torch.equal(whole[one], unit(src[one], dst[one], flow[one], backward[one], wanted[one]))


def test_wrong_settings_and_tensors_are_named():
    with pytest.raises(ValueError, match="radius: expected at least 8, got 2"):
        FlowRefinement(radius=2)
    with pytest.raises(ValueError, match="step: expected at least 1"):
        FlowRefinement(step=0)
    image, flow, wanted = torch.rand(1, 1, 6, 6), torch.zeros(1, 2, 6, 6), torch.zeros(1, 6, 6, dtype=torch.bool)
    unit = FlowRefinement()
    with pytest.raises(TypeError, match="wanted: expected bool"):
        unit(image, image, flow, flow, wanted.float())
    with pytest.raises(ValueError, match="wanted: expected"):
        unit(image, image, flow, flow, wanted[:, :5])
    with pytest.raises(ValueError, match=r"src \(1, 1, 6, 5\)"):
        unit(image[..., :5], image, flow, flow, wanted)
    with pytest.raises(ValueError, match="differ in size"):
        unit(image, image, flow, flow[..., :5], wanted)
