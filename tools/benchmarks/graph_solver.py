"""Compare the batched graph matcher with POT's ``partial_fused_gromov_wasserstein`` on random skeleton pairs.

Both solve the same problems, in turns of a few hundred pairs within one run, so that whatever else the machine does
falls on both. POT gets each pair in a loop, as it offers no batch for this problem.
"""

import argparse
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads stall each other where processors are shared

import platform
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from mmselfhuman.models.gbsr.distance import (
    appearance_costs,
    graph_distance,
    normalised_confidences,
    normalised_costs,
)
from mmselfhuman.models.gbsr.solver import GraphMatcher
from mmselfhuman.structures import JOINTS, LIMBS, MIRRORED, NUM_JOINTS

NOISE = {"hard": 1.05, "easy": 0.65}
SCENES = ("as detected", "swapped", "shuffled")


@dataclass(frozen=True)
class Problems:
    """Random pairs: six float64 tensors as the matcher takes them, and ``truth[b, m]``, the partner of joint ``m``."""

    tensors: tuple[torch.Tensor, ...]
    truth: np.ndarray

    def __len__(self) -> int:
        return len(self.truth)

    def slice(self, start: int, stop: int) -> tuple[torch.Tensor, ...]:
        return tuple(tensor[start:stop] for tensor in self.tensors)


def random_problems(
    count: int, noise: float, scene: str, seed: int, features: int = 32, missing: float = 0.15
) -> Problems:
    """Pairs of one person's skeletons in two frames.

    Every joint has a random appearance, more like its left-right counterpart's than like others', seen twice with
    Gaussian noise. 15% of the joints are missing in either frame, the others have confidences in [0.3, 1].

    Args:
        count: Number of pairs.
        noise: Standard deviation of the noise; a joint's own appearance has standard deviation about 0.8.
        scene: ``'as detected'``: the partner of a joint is its namesake. ``'swapped'``: in the second frame a fifth of
            the paired joints of the body bear the name of their counterpart, as a confused detector would have it, so
            that appearance and connections disagree about them. ``'shuffled'``: the second graph's nodes are in random
            order together with its connections: nothing can be gained from an index.
        seed: Of the generator.
        features: Length of the appearance vector.
        missing: Probability that a joint is missing in a frame.
    """
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(count, NUM_JOINTS, features))
    own = 0.8 * own + 0.2 * own[:, MIRRORED]
    views = [own + noise * rng.normal(size=own.shape) for _ in range(2)]
    confidences = [rng.uniform(0.3, 1, own.shape[:2]) * (rng.random(own.shape[:2]) > missing) for _ in range(2)]
    _, _, mass = normalised_confidences(*(torch.from_numpy(confidence) for confidence in confidences))
    order = _order(count, scene, rng)
    views[1] = np.take_along_axis(views[1], order[:, :, None], 1)
    confidences[1] = np.take_along_axis(confidences[1], order, 1)
    limbs = np.zeros((NUM_JOINTS, NUM_JOINTS))
    for a, b in LIMBS:
        limbs[a, b] = limbs[b, a] = 1
    second_limbs = limbs[order[:, :, None], order[:, None]] if scene == "shuffled" else limbs
    connections = [
        torch.from_numpy(matrix * (c > 0)[:, :, None] * (c > 0)[:, None])
        for matrix, c in zip((limbs, second_limbs), confidences, strict=True)
    ]
    first, second = (torch.from_numpy(confidence) for confidence in confidences)
    costs = normalised_costs(appearance_costs(*(torch.from_numpy(view) for view in views)), first, second)
    bounds = normalised_confidences(first, second)[:2]
    return Problems((costs, *connections, *bounds, mass), order.argsort(1))


def _order(count: int, scene: str, rng: np.random.Generator) -> np.ndarray:
    order = np.tile(np.arange(NUM_JOINTS), (count, 1))
    if scene == "shuffled":
        return rng.permuted(order, axis=1)
    if scene == "swapped":
        for left in range(JOINTS.index("left_shoulder"), NUM_JOINTS, 2):
            swapped = rng.random(count) < 0.2
            order[swapped, left : left + 2] = [left + 1, left]
    return order


def accuracy(plan: np.ndarray, problems: Problems) -> float:
    """Share of the joints present in both frames whose heaviest partner is the true one."""
    rows, columns = (tensor.numpy() for tensor in problems.tensors[3:5])
    both = (rows > 0) & (np.take_along_axis(columns, problems.truth, 1) > 0)
    right = (plan.argmax(2) == problems.truth) & (plan.max(2) > 0)
    return float(right[both].mean())


def violation(plan: torch.Tensor, problems: Problems) -> float:
    """Largest amount by which a row, a column or the mass misses its constraint."""
    *_, rows, columns, mass = problems.tensors
    return max(
        float((plan.sum(2) - rows).max()),
        float((plan.sum(1) - columns).max()),
        float((plan.sum((1, 2)) - mass).abs().max()),
        float(-plan.min()),
    )


def solve_with_pot(tensors: tuple[torch.Tensor, ...], alpha: float) -> torch.Tensor:
    from ot.gromov import partial_fused_gromov_wasserstein

    plans = []
    for costs, first, second, rows, columns, mass in zip(*(tensor.numpy() for tensor in tensors), strict=True):
        largest = min(rows.sum(), columns.sum())  # POT refuses a mass that exceeds the sums in the last digit
        plans.append(
            partial_fused_gromov_wasserstein(
                costs, first, second, rows, columns, m=min(mass, largest * (1 - 1e-12)), alpha=alpha
            )
        )
    return torch.from_numpy(np.stack(plans))


def assign_by_appearance(problems: Problems) -> np.ndarray:
    costs, _, _, rows, columns, _ = (tensor.numpy() for tensor in problems.tensors)
    plan = np.zeros_like(costs)
    for k in range(len(problems)):
        absent = (rows[k] == 0)[:, None] | (columns[k] == 0)
        plan[(k, *linear_sum_assignment(np.where(absent, 1e3, costs[k])))] = 1
    return plan


def compare(problems: Problems, alpha: float, turn: int = 250) -> dict[str, float]:
    """Solve all pairs with both, in turns."""
    matcher = GraphMatcher(alpha=alpha)
    matcher(*problems.slice(0, turn))  # the first call pays for thread pools and kernels
    plans: dict[str, list[torch.Tensor]] = {"pot": [], "ours": []}
    seconds = dict.fromkeys(plans, 0.0)
    converged = []
    for start in range(0, len(problems), turn):
        tensors = problems.slice(start, start + turn)
        began = time.perf_counter()
        plans["pot"].append(solve_with_pot(tensors, alpha))
        seconds["pot"] += time.perf_counter() - began
        began = time.perf_counter()
        matching = matcher(*tensors)
        seconds["ours"] += time.perf_counter() - began
        plans["ours"].append(matching.plan)
        converged.append(matching.converged())
    pot, ours = (torch.cat(plans[name]) for name in ("pot", "ours"))
    objective = {
        name: float(graph_distance(plan, *problems.tensors[:3], alpha).mean())
        for name, plan in (("pot", pot), ("ours", ours))
    }
    return {
        "objective ratio": objective["ours"] / objective["pot"],
        "accuracy, appearance alone": accuracy(assign_by_appearance(problems), problems),
        "accuracy, POT": accuracy(pot.numpy(), problems),
        "accuracy, ours": accuracy(ours.numpy(), problems),
        "violation, POT": violation(pot, problems),
        "violation, ours": violation(ours, problems),
        "converged": float(torch.cat(converged).double().mean()),
        "ms per pair, POT": 1e3 * seconds["pot"] / len(problems),
        "ms per pair, ours": 1e3 * seconds["ours"] / len(problems),
        "speed-up": seconds["pot"] / seconds["ours"],
    }


def table(results: dict[tuple[str, str], dict[str, float]]) -> str:
    """A Markdown table, a row for every scene and noise."""
    columns = list(next(iter(results.values())))
    lines = ["| scene | noise | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for (scene, noise), values in results.items():
        cells = [f"{value:.0e}" if "violation" in name else f"{value:.3f}" for name, value in values.items()]
        lines.append(f"| {scene} | {noise} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=2000, help="random pairs per scene and noise")
    parser.add_argument("--threads", type=int, default=2, help="torch threads")
    parser.add_argument("--alpha", type=float, default=0.5, help="weight of the connections in equation (1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file as well")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", module="ot")  # some of its linear problems end with a warning about precision
    torch.set_num_threads(args.threads)
    results = {}
    for scene in SCENES:
        for name, noise in NOISE.items():
            results[scene, name] = compare(random_problems(args.pairs, noise, scene, args.seed), args.alpha)
            print(scene, name, {key: round(value, 4) for key, value in results[scene, name].items()}, flush=True)
    head = (
        f"{args.pairs} pairs a row, alpha {args.alpha}, seed {args.seed}, torch {torch.__version__} with "
        f"{args.threads} threads, {os.cpu_count()} processors ({platform.machine()})."
    )
    print(f"\n{head}\n\n{table(results)}")
    if args.out:
        args.out.write_text(f"{head}\n\n{table(results)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
