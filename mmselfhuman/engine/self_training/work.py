"""What happens inside a stage's process."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from mmselfhuman.engine.label_making import CollapsedLabelsError
from mmselfhuman.engine.self_training.binding import placed
from mmselfhuman.engine.self_training.ledger import Result, now, write_result
from mmselfhuman.engine.self_training.stages import Stage
from mmselfhuman.engine.self_training.task import Task
from mmselfhuman.pseudo_labels import PseudoLabelError
from mmselfhuman.utils import join_ranks, only_weights, part_ranks


def work(
    stage: Stage,
    folder: Path,
    work_dir: Path,
    inputs: Mapping[str, Result],
    launcher: str,
    reports: Connection | None,
) -> None:
    """Carry out a stage. Every rank calls this; rank 0 writes the result.

    Labels that have collapsed are a result too: the loop rolls back then.

    Raises:
        KeyError: The stage is of no known kind.
        PseudoLabelError: A file of a store is damaged; the message says from which stage on to go again.
        Exception: Whatever makes the stage fail.
    """
    from mmengine.dist import barrier, is_main_process

    carry_out = kinds()[stage.kind]
    stage = replace(stage, settings=placed(dict(stage.settings), str(work_dir)))
    started, clock = now(), time.monotonic()
    if launcher != "none":
        join_ranks()
    task = Task(stage, folder, work_dir, inputs, launcher, reports if is_main_process() else None)
    try:
        with only_weights():
            result = carry_out(task)
    except CollapsedLabelsError as error:
        result = Result(digest="collapsed", facts={"collapsed": str(error)})
    except PseudoLabelError as error:
        made = stage.inputs.get("labels") or stage.inputs.get("poses") or stage.name
        raise PseudoLabelError(f"{error}. Have the labels made again: --from {made}") from error
    barrier()
    if is_main_process():
        write_result(folder, replace(result, seconds=round(time.monotonic() - clock, 3), started=started))
    part_ranks()


def kinds() -> dict[str, Callable[[Task], Result]]:
    """What carries out stages of each kind."""
    from mmselfhuman.engine.self_training.estimates import probe
    from mmselfhuman.engine.self_training.work_checks import check
    from mmselfhuman.engine.self_training.work_export import export
    from mmselfhuman.engine.self_training.work_labels import label, label_poses
    from mmselfhuman.engine.self_training.work_networks import load, test, train
    from mmselfhuman.engine.self_training.work_scores import score

    return {
        "check": check,
        "export": export,
        "label": label,
        "load": load,
        "poses": label_poses,
        "probe": probe,
        "score": score,
        "test": test,
        "train": train,
    }
