import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmselfhuman.models.gbsr.distance import (
    appearance_costs,
    graph_distance,
    linear_term,
    normalised_confidences,
    normalised_costs,
    quadratic_term,
)


def random_graph_pair(n: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    plan, features, other_features = rng.random((n, n)), rng.normal(size=(n, 3)), rng.normal(size=(n, 3))
    connections = [np.triu(rng.integers(0, 2, (n, n)), 1) for _ in range(2)]
    return plan, features, other_features, *(upper + upper.T for upper in connections)


def distance_in_loops(v, f, g, c, d, alpha):
    """Equations (1)-(3) as they are printed."""
    n = range(len(v))
    first = sum(v[m, o] * np.abs(f[m] - g[o]).sum() for m, o in itertools.product(n, n))
    second = sum(
        v[m, o] * v[k, p] * abs(float(c[m, k]) - float(d[o, p])) for m, o, k, p in itertools.product(n, n, n, n)
    )
    return first, second, (1 - alpha) * first + alpha * second


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 6), seed=st.integers(0, 10**6), alpha=st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_distance_equals_the_printed_sums(n, seed, alpha):
    arrays = random_graph_pair(n, seed)
    v, f, g, c, d = (torch.from_numpy(np.asarray(array, dtype=np.float64))[None] for array in arrays)
    costs = appearance_costs(f, g)
    first, second, both = distance_in_loops(*arrays, alpha)
    np.testing.assert_allclose(linear_term(v, costs)[0], first, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(quadratic_term(v, c, d)[0], second, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(graph_distance(v, costs, c, d, alpha)[0], both, rtol=1e-12, atol=1e-12)


def test_distance_of_a_seventeen_joint_pair_equals_the_printed_sums():
    arrays = random_graph_pair(17, 5)
    v, f, g, c, d = (torch.from_numpy(np.asarray(array, dtype=np.float64))[None] for array in arrays)
    expected = distance_in_loops(*arrays, 0.5)[2]
    np.testing.assert_allclose(graph_distance(v, appearance_costs(f, g), c, d)[0], expected, rtol=1e-12)


def test_pairs_of_a_batch_do_not_influence_each_other():
    arrays = [random_graph_pair(5, seed) for seed in range(3)]
    v, f, g, c, d = (torch.from_numpy(np.stack(column).astype(np.float64)) for column in zip(*arrays, strict=True))
    alone = [graph_distance(v[k, None], appearance_costs(f, g)[k, None], c[k, None], d[k, None]) for k in range(3)]
    torch.testing.assert_close(graph_distance(v, appearance_costs(f, g), c, d), torch.cat(alone))


def test_identical_graphs_matched_to_themselves_have_distance_zero():
    _, f, _, c, _ = (torch.from_numpy(np.asarray(a, dtype=np.float64))[None] for a in random_graph_pair(6, 1))
    plan = torch.eye(6, dtype=torch.float64)[None] / 6
    assert graph_distance(plan, appearance_costs(f, f), c, c).item() == 0


def test_normalised_costs_have_mean_one_over_present_joints_and_are_zero_elsewhere():
    costs = torch.tensor([[[2.0, 4.0, 99.0], [6.0, 8.0, 99.0], [99.0, 99.0, 99.0]]])
    present = torch.tensor([[0.5, 1.0, 0.0]])
    expected = torch.tensor([[[0.4, 0.8, 0.0], [1.2, 1.6, 0.0], [0.0, 0.0, 0.0]]])
    torch.testing.assert_close(normalised_costs(costs, present, present), expected)


def test_costs_without_present_or_different_joints_stay_finite():
    ones = torch.ones(1, 2)
    assert torch.equal(normalised_costs(torch.zeros(1, 2, 2), ones, ones), torch.zeros(1, 2, 2))
    assert torch.equal(normalised_costs(torch.ones(1, 2, 2), 0 * ones, ones), torch.zeros(1, 2, 2))


def test_nan_features_of_a_missing_joint_do_not_leak():
    features = torch.tensor([[[1.0], [float("nan")]]])
    present = torch.tensor([[1.0, 0.0]])
    assert torch.isfinite(normalised_costs(appearance_costs(features, features), present, present)).all()


def test_confidences_are_divided_by_the_larger_sum_and_mass_is_what_namesakes_share():
    a, b, mass = normalised_confidences(torch.tensor([[1.0, 0.6, 0.0]]), torch.tensor([[0.5, 0.9, 0.6]]))
    torch.testing.assert_close(a, torch.tensor([[0.5, 0.3, 0.0]]).double(), atol=1e-7, rtol=0)
    torch.testing.assert_close(b, torch.tensor([[0.25, 0.45, 0.3]]).double(), atol=1e-7, rtol=0)
    assert mass.item() == pytest.approx((0.5 + 0.6) / 2.0)


def test_features_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 2, 3\), \(1, 2, 4\)"):
        appearance_costs(torch.zeros(1, 2, 3), torch.zeros(1, 2, 4))
