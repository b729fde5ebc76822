"""What the parts of Algorithm 1 are worth: tables like the paper's 3 and 5, of the loop with parts left out.

    python tools/benchmarks/ablations.py [CONFIG] --seeds 0 1 2 --work-dir FOLDER [--start-from LOOP0 LOOP1 LOOP2]

Every row of a table is a run of the loop (one round) for each seed, of trainings and videos. A run takes over from that
of the whole algorithm what is the same in both (networks before self-training, their tests, and so on), as the ledger
knows; with ``--start-from``, the whole algorithm takes over from other work dirs in the same way. Killed, the same
command goes on. Prints Markdown, and leaves it as ``ablations.md`` in the work dir after every run.

Rows: *Seg+Pose* is the instance segmenter before self-training. *TPR+Pose* is the whole round but for GBSR: Pose2Seg
works with poses as they are found, and the Pose Module does not learn (``n_gbsr=0``).
"""

import argparse
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from mmselfhuman.engine.self_training import Ledger, LoopSettings
from mmselfhuman.utils import ConfigError

CONFIG = Path(__file__).parents[2] / "configs" / "self_training" / "self-train_small_synthetic-128x128.py"
WHOLE = "tpr+gbsr"
COMMON = {"rounds": 1, "n_tpr": 3, "n_gbsr": 1, "window": 3}
VARIANTS = {
    WHOLE: {},
    "tpr+pose": {"n_gbsr": 0},
    "n_tpr1": {"n_tpr": 1},
    "window2": {"window": 2},
    "n_tpr5": {"n_tpr": 5},
}
"""Options of the loop by run, beside those in common."""

MEASURES = {
    "mask AP": ("instances", "segm_AP", 100),
    "AP_H": ("instances", "segm_AP_H", 100),
    "Seg, person IoU": ("seg", "IoU_person", 1),
    "keypoint AP": ("instances", "keypoints_AP", 100),
}
"""The network that is tested, the metric without the test set's name, and the factor to percent."""

Scores = Mapping[str, Mapping[int, Mapping[str, float]]]
"""Run and round (``'tpr+gbsr 1'``) -> seed -> measure -> percent."""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: Of it.
        rows: Run and round of each row.
        order: Pairs of rows of which the second should have the higher mask AP.
    """

    title: str
    rows: Mapping[str, str]
    order: Sequence[tuple[str, str]]


TABLES = (
    Table(
        "Parts (the paper's table 5)",
        {"Seg+Pose": f"{WHOLE} 0", "TPR+Pose": "tpr+pose 1", "TPR+GBSR": f"{WHOLE} 1"},
        (("Seg+Pose", "TPR+Pose"), ("TPR+Pose", "TPR+GBSR")),
    ),
    Table(
        "N_TPR (the paper's table 3) and window",
        {
            "N_TPR 1, window 3": "n_tpr1 1",
            "N_TPR 3, window 3": f"{WHOLE} 1",
            "N_TPR 5, window 3": "n_tpr5 1",
            "N_TPR 3, window 2": "window2 1",
        },
        (
            ("N_TPR 1, window 3", "N_TPR 3, window 3"),
            ("N_TPR 3, window 3", "N_TPR 5, window 3"),
            ("N_TPR 3, window 2", "N_TPR 3, window 3"),
        ),
    ),
)


def measured(ledger: Ledger, number: int) -> dict[str, float] | None:
    """What the tests of a round say, in percent; ``None`` if they have not happened."""
    found = {}
    for name, (network, metric, factor) in MEASURES.items():
        result = ledger.result(f"round{number}.test.{network}")
        values = [] if result is None else [v for key, v in result.metrics.items() if key.rpartition("/")[2] == metric]
        if len(values) != 1 or values[0] is None:
            return None
        found[name] = factor * values[0]
    return found


def collected(work_dir: Path, seeds: Iterable[int]) -> dict[str, dict[int, dict[str, float]]]:
    """The scores of all runs that are there."""
    scores: dict[str, dict[int, dict[str, float]]] = {}
    for run in VARIANTS:
        for seed in seeds:
            ledger = Ledger(place(work_dir, run, seed))
            for number in (0, 1):
                found = measured(ledger, number)
                if found is not None:
                    scores.setdefault(f"{run} {number}", {})[seed] = found
    return scores


def markdown(tables: Iterable[Table], scores: Scores, seeds: Sequence[int]) -> str:
    """All rows that every seed has: mean, standard deviation and each seed; and whether they come in order."""
    lines = []
    for table in tables:
        known = {row: scores[run] for row, run in table.rows.items() if set(scores.get(run, ())) >= set(seeds)}
        lines += [f"**{table.title}**, seeds {', '.join(map(str, seeds))}", ""]
        lines += ["| | " + " | ".join(MEASURES) + " |", "|---|" + "---|" * len(MEASURES)]
        for row, found in known.items():
            cells = [spread([found[seed][name] for seed in seeds]) for name in MEASURES]
            lines.append(f"| {row} | {' | '.join(cells)} |")
        lines += ["", "| mask AP | difference | seeds in this order |", "|---|---|---|"]
        for low, high in table.order:
            if low in known and high in known:
                gains = [known[high][seed]["mask AP"] - known[low][seed]["mask AP"] for seed in seeds]
                share = f"{sum(gain > 0 for gain in gains)} of {len(gains)}"
                lines.append(f"| {low} < {high} | {spread(gains, '+.2f')} | {share} |")
        lines.append("")
    return "\n".join(lines)


def spread(values: Sequence[float], style: str = ".2f") -> str:
    """``mean ± standard deviation (each)``."""
    each = ", ".join(f"{value:{style}}" for value in values)
    return f"{fmean(values):{style}}" + (f" ± {stdev(values):.2f} ({each})" if len(values) > 1 else "")


def place(work_dir: Path, run: str, seed: int) -> Path:
    """The work dir of a run."""
    return work_dir / f"seed{seed}" / run


def take_over(folder: Path, given: Path | None) -> None:
    """Let a run that has not begun find what another has left; its own ledger takes of it what is the same stage."""
    if given is None or folder.exists():
        return
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for part in ("stages", "frames"):
        if (given / part).exists():
            shutil.copytree(given / part, partial / part, symlinks=True)
    partial.replace(folder)


def options_of(run: str, seed: int) -> dict:
    """What a run sets in the loop's config."""
    return {"seed": seed, "videos.seed": seed, **COMMON, **VARIANTS[run]}


def check_networks(settings: LoopSettings) -> str | None:
    """What a loop lacks whose parts are to be left out in turn."""
    if not {"seg", "pose", "pose2seg", "instances"} <= settings.networks.keys():
        return "the loop's config must have all of seg, pose, pose2seg and instances"
    return None if settings.networks["seg"].refine else "networks.seg needs 'refine', a config with TPRHook"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("config", nargs="?", default=str(CONFIG), help="of the loop, over synthetic videos")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/ablations"))
    parser.add_argument("--start-from", type=Path, nargs="+", metavar="LOOP", help="work dirs of loops, one per seed")
    arguments = parser.parse_args()
    seeds, work_dir, given = arguments.seeds, arguments.work_dir.absolute(), arguments.start_from or []
    if len(set(seeds)) < len(seeds):
        parser.error("--seeds: each once")
    if given and len(given) != len(seeds):
        parser.error(f"--start-from: one work dir per seed, got {len(given)} for {len(seeds)} seeds")
    absent = [str(folder) for folder in given if not (folder / "stages").is_dir()]
    if absent:
        parser.error(f"--start-from: no work dir of a loop: {', '.join(absent)}")

    from mmselfhuman.engine.self_training.command import Command

    def loop(run: str, seed: int) -> Command:
        return Command(arguments.config, place(work_dir, run, seed), options_of(run, seed), words=sys.argv)

    try:
        problem = check_networks(loop(WHOLE, seeds[0]).settings)
        for run in VARIANTS:
            loop(run, seeds[0])
    except (ConfigError, FileNotFoundError) as error:
        problem = str(error)
    if problem:
        parser.error(problem)
    for run in VARIANTS:
        for index, seed in enumerate(seeds):
            base = place(work_dir, WHOLE, seed) if run != WHOLE else given[index] if given else None
            take_over(place(work_dir, run, seed), base)
            print(f"\n{run}, seed {seed}", flush=True)
            code = loop(run, seed).run()
            if code:
                sys.exit(code)
            (work_dir / "ablations.md").write_text(markdown(TABLES, collected(work_dir, seeds), seeds))
    print("\n" + (work_dir / "ablations.md").read_text())


if __name__ == "__main__":
    main()
