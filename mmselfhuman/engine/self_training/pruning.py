"""What may be deleted when a round is over."""

from mmselfhuman.engine.self_training.ledger import Ledger
from mmselfhuman.engine.self_training.plan import Plan


def prune(plan: Plan, ledger: Ledger, over: int) -> list[str]:
    """Delete what trainings up to a finished round have left and nobody needs any more.

    That is their checkpoints for resuming, and the labels that only the alternations of earlier rounds read; those of
    the last round stay, since pictures compare with them. Weights, final labels, logs, results and pictures of all
    rounds stay, so that the loop can roll back, and can be told about.

    Args:
        plan: The stages.
        ledger: What has happened.
        over: The last round that is over.

    Returns:
        What was deleted, as paths relative to the work dir.
    """
    deleted = []
    for stage in plan.stages:
        result = ledger.result(stage.name)
        if stage.kind not in ("train", "poses") or stage.round > over or result is None:
            continue
        for checkpoint in sorted((ledger.folder(stage.name) / "run").glob("*.pth")):
            checkpoint.unlink()
            deleted.append(checkpoint.relative_to(ledger.work_dir).as_posix())
        if stage.round < over and "labels" in result.outputs:
            deleted.append(result.outputs["labels"])
            ledger.prune(stage.name, "labels")
    return deleted
