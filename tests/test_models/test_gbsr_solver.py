import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmselfhuman.models.gbsr.distance import (
    appearance_costs,
    graph_distance,
    normalised_confidences,
    normalised_costs,
)
from mmselfhuman.models.gbsr.solver import GraphMatcher, round_to_feasible

TOOL = Path(__file__).parents[2] / "tools" / "benchmarks" / "graph_solver.py"


@pytest.fixture(scope="module")
def tool():
    import sys

    spec = importlib.util.spec_from_file_location("graph_solver_benchmark", TOOL)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_feasible(plan, rows, columns, mass, tolerance=1e-6):
    assert torch.isfinite(plan).all()
    assert plan.min() >= 0
    assert (plan.sum(2) - rows).max() <= tolerance
    assert (plan.sum(1) - columns).max() <= tolerance
    torch.testing.assert_close(plan.sum((1, 2)), mass, atol=tolerance, rtol=0)


def problem(features, other_features, confidences, other_confidences, connections=None):
    """The six tensors of one pair, from literal lists."""
    f, g = (torch.tensor(x, dtype=torch.float64)[None, :, None] for x in (features, other_features))
    a, b = (torch.tensor(x, dtype=torch.float64)[None] for x in (confidences, other_confidences))
    n = a.shape[1]
    c = torch.zeros(1, n, n, dtype=torch.float64) if connections is None else connections
    return normalised_costs(appearance_costs(f, g), a, b), c, c, *normalised_confidences(a, b)


@pytest.mark.parametrize("scene", ["as detected", "swapped", "shuffled"])
@pytest.mark.parametrize("noise", [1.05, 0.65])
def test_plans_are_feasible_as_low_as_pots_and_match_better(tool, scene, noise):
    pytest.importorskip("ot")
    problems = tool.random_problems(120, noise, scene, seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pot = tool.solve_with_pot(problems.tensors, 0.5)
    matching = GraphMatcher()(*problems.tensors)
    assert_feasible(matching.plan, *problems.tensors[3:])
    ours, peer = (graph_distance(plan, *problems.tensors[:3]).mean() for plan in (matching.plan, pot))
    assert ours <= 1.01 * peer
    assert tool.accuracy(matching.plan.numpy(), problems) >= tool.accuracy(pot.numpy(), problems)


def test_the_order_of_the_nodes_does_not_matter(tool):
    """The matcher has no start that knows joint k should meet joint k."""
    costs, first, second, rows, columns, mass = tool.random_problems(20, 0.65, "as detected", seed=1).tensors
    order = torch.randperm(17, generator=torch.Generator().manual_seed(0))
    plain = GraphMatcher()(costs, first, second, rows, columns, mass).plan
    shuffled = GraphMatcher()(
        costs[:, :, order], first, second[:, order][:, :, order], rows, columns[:, order], mass
    ).plan
    torch.testing.assert_close(shuffled, plain[:, :, order], atol=1e-3, rtol=0)


def test_reported_distance_is_equation_one_at_the_plan(tool):
    tensors = tool.random_problems(10, 1.05, "as detected", seed=2).tensors
    matching = GraphMatcher(alpha=0.3)(*tensors)
    torch.testing.assert_close(matching.distance, graph_distance(matching.plan, *tensors[:3], 0.3))


def test_a_batch_equals_its_pairs_alone_and_chunks_do_not_matter(tool):
    tensors = tool.random_problems(7, 0.65, "as detected", seed=4).tensors
    together = GraphMatcher()(*tensors).plan
    alone = torch.cat([GraphMatcher()(*(tensor[k : k + 1] for tensor in tensors)).plan for k in range(7)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(GraphMatcher(chunk_size=3)(*tensors).plan, together, atol=1e-5, rtol=0)


def test_clear_appearances_are_matched_across_a_swap():
    plan = GraphMatcher()(*problem([0.0, 5.0, 9.0], [5.0, 0.0, 9.0], [1, 1, 1], [1, 1, 1])).plan[0]
    assert plan.argmax(1).tolist() == [1, 0, 2]


def test_connections_decide_where_appearances_do_not():
    path = torch.zeros(1, 4, 4, dtype=torch.float64)
    for a, b in ((0, 1), (1, 2), (2, 3)):
        path[:, a, b] = path[:, b, a] = 1
    # Only joint 0 can be told from the others, which look alike: the path orders them.
    costs, *rest = problem([0.0, 1, 1, 1], [0.0, 1, 1, 1], [1] * 4, [1] * 4, path)
    assert GraphMatcher()(costs, *rest).plan[0].argmax(1).tolist() == [0, 1, 2, 3]


def test_a_missing_joint_is_matched_with_nothing():
    plan = GraphMatcher()(*problem([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [1, 0, 1], [1, 1, 1])).plan[0]
    assert plan[1].sum() == 0
    assert plan[0].argmax() == 0
    assert plan[2].argmax() == 2


@pytest.mark.parametrize(
    ("confidences", "other"),
    [([0, 0, 0], [0, 0, 0]), ([0, 0, 0], [1, 1, 1]), ([1, 0, 0], [0, 1, 1]), ([0, 0.7, 0], [0, 0.4, 0])],
    ids=["both empty", "one empty", "nothing in common", "one joint"],
)
def test_degenerate_graphs_give_finite_feasible_plans(confidences, other):
    tensors = problem([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], confidences, other)
    matching = GraphMatcher()(*tensors)
    assert_feasible(matching.plan, *tensors[3:])
    assert torch.isfinite(torch.stack([matching.distance, matching.change, matching.rounded])).all()


def test_identical_appearances_give_a_finite_feasible_plan():
    tensors = problem([3.0] * 4, [3.0] * 4, [1, 0.5, 1, 0.2], [1, 1, 1, 1])
    assert_feasible(GraphMatcher()(*tensors).plan, *tensors[3:])


def test_no_pairs_give_no_plans():
    empty = torch.zeros(0, 17, 17)
    matching = GraphMatcher()(empty, empty, empty, torch.zeros(0, 17), torch.zeros(0, 17), torch.zeros(0))
    assert matching.plan.shape == (0, 17, 17)
    assert matching.distance.shape == matching.converged().shape == (0,)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 8), alpha=st.sampled_from([0.0, 0.5, 1.0]), share=st.floats(0, 1))
def test_any_problem_has_a_finite_feasible_plan(seed, n, alpha, share):
    rng = np.random.default_rng(seed)
    costs = rng.random((2, n, n)) * 10.0 ** rng.integers(-3, 4)
    upper = np.triu(rng.integers(0, 2, (2, 2, n, n)), 1)
    first, second = upper + np.swapaxes(upper, 2, 3)
    rows, columns = rng.random((2, 2, n)) * (rng.random((2, 2, n)) > 0.4)
    mass = share * np.minimum(rows.sum(1), columns.sum(1))
    tensors = tuple(torch.from_numpy(np.asarray(x, dtype=float)) for x in (costs, first, second, rows, columns, mass))
    assert_feasible(GraphMatcher(alpha=alpha)(*tensors).plan, *tensors[3:])


def test_rounding_keeps_a_feasible_plan_and_the_mass_of_any_other():
    rows, columns, mass = (torch.tensor([x]).double() for x in ([0.5, 0.5], [0.4, 0.6], 0.8))
    feasible = torch.tensor([[[0.4, 0.0], [0.0, 0.4]]]).double()
    rounded, missing = round_to_feasible(feasible, rows, columns, mass)
    torch.testing.assert_close(rounded, feasible)
    assert missing.item() == pytest.approx(0, abs=1e-12)
    for plan in (torch.zeros(1, 2, 2).double(), 9 * feasible, torch.ones(1, 2, 2).double()):
        assert_feasible(round_to_feasible(plan, rows, columns, mass)[0], rows, columns, mass, 1e-12)


def test_convergence_says_which_pairs_were_cut_short(tool):
    tensors = tool.random_problems(50, 0.65, "as detected", seed=5).tensors
    assert GraphMatcher()(*tensors).converged().double().mean() > 0.95
    assert GraphMatcher(steps=2, sinkhorn_steps=1)(*tensors).converged().double().mean() < 0.5


@pytest.mark.parametrize(
    ("index", "change", "message"),
    [
        (0, lambda t: t * float("nan"), "costs must be finite"),
        (0, lambda t: t - 9, "costs must be finite and not negative"),
        (1, lambda t: t + 0.5, "first_connections must be symmetric with entries 0 and 1"),
        (3, lambda t: t[:, :2], r"first_bounds must have shape \(1, 3\), got \(1, 2\)"),
        (5, lambda t: t + 1, r"mass\[0\] = 2 is more than the bounds allow, 1"),
    ],
)
def test_a_wrong_problem_is_refused_by_name(index, change, message):
    tensors = list(problem([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [1, 1, 1], [1, 1, 1]))
    tensors[index] = change(tensors[index])
    with pytest.raises(ValueError, match=message):
        GraphMatcher()(*tensors)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 1.5}, "alpha must be in"),
        ({"steps": 0}, "must be >= 1"),
        ({"temperatures": (0.01, 0.1)}, "temperatures must fall"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GraphMatcher(**options)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_and_cpu_plans_agree(tool):
    tensors = tool.random_problems(50, 0.65, "as detected", seed=6).tensors
    on_gpu = GraphMatcher()(*(tensor.cuda() for tensor in tensors))
    assert on_gpu.plan.is_cuda
    torch.testing.assert_close(on_gpu.plan.cpu(), GraphMatcher()(*tensors).plan, atol=1e-3, rtol=0)
