"""A training that was killed and resumed ends like one that was not."""

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmselfhuman.registry import HOOKS


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Seed the generators before every step, from the run's seed, the rank and the number of the iteration.

    MMEngine's checkpoints hold weights, optimizer and schedules, but no state of random number generators, so that
    dropout and the like differ after a resume. With this hook they do not. Two more things are needed for a resumed run
    to be the same run: ``randomness=dict(seed=...)``, and samples that do not depend on how many were made before, as
    ``PseudoLabelDataset`` gives them with the samplers ``EpochDraws`` and ``EndlessDraws``. Then, on a CPU, weights are
    equal to the last bit; on a GPU, to what its operators guarantee.
    """

    priority = "VERY_HIGH"

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        seed_step(runner)


def seed_step(runner: Runner) -> None:
    """Seed Python's, NumPy's and torch's global generators for the iteration that comes next."""
    words = np.random.SeedSequence([runner.seed, get_rank(), runner.iter]).generate_state(3)
    random.seed(int(words[0]))
    np.random.seed(words[1])  # noqa: NPY002
    torch.manual_seed(int(words[2]))


def forget_fetched_batches(loop: BaseLoop, iterations: int) -> None:
    """Have a loop over iterations fetch its batches anew, so that none comes that was prepared before.

    Needs a sampler that can skip (``EndlessDraws``); with others, the batches that workers have prepared are used up.

    Args:
        loop: MMEngine's ``IterBasedTrainLoop``. Loops over epochs fetch anew in every epoch and are left alone.
        iterations: How many batches have been trained on.
    """
    batches = loop.dataloader.batch_sampler
    if hasattr(loop, "dataloader_iterator") and hasattr(batches.sampler, "skip"):
        batches.sampler.skip(iterations * batches.batch_size)
        loop.dataloader_iterator = type(loop.dataloader_iterator)(loop.dataloader)
