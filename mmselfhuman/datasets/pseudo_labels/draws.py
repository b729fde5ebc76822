"""Samples whose randomness depends on which draw they are, and on nothing else.

MMEngine seeds a worker process once. What a transform draws then depends on how many samples that process has made, so
that a run that is resumed, or has another number of workers, sees other images. The samplers here give out indices that
know their draw; a dataset that finds such an index seeds all generators with it.
"""

import random
from collections.abc import Iterator, Sized
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.dataset import DefaultSampler
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmselfhuman.registry import DATA_SAMPLERS


class Draw(int):
    """The index of a sample, with the draw that it belongs to.

    Attributes:
        seed: Of the sampler.
        cycle: How many times the whole dataset has been gone through before: the epoch, in epochs.
    """

    seed: int
    cycle: int

    def __new__(cls, index: int, seed: int, cycle: int) -> "Draw":
        draw = super().__new__(cls, index)
        draw.seed, draw.cycle = seed, cycle
        return draw

    def __reduce__(self) -> tuple:
        return Draw, (int(self), self.seed, self.cycle)


# NumPy's global functions draw from it while a sample is made: to put another generator in their place takes a
# hundredth of the time of copying the state of theirs.
_NUMPY = np.random.MT19937(0)


@contextmanager
def seeded(draw: Draw) -> Iterator[None]:
    """Seed Python's, NumPy's and torch's (CPU) global generators for one draw; afterwards they go on where they were.

    Transforms draw from NumPy's legacy global generator, so it is that one which has to be seeded. Of the normal
    deviates that it makes in pairs, one that was left over is forgotten.
    """
    python, numpy, torchs = random.getstate(), np.random.get_bit_generator(), torch.default_generator.get_state()
    words = np.random.SeedSequence([draw.seed, draw.cycle, int(draw)]).generate_state(3)
    random.seed(int(words[0]))
    np.random.set_bit_generator(_NUMPY)
    np.random.seed(words[1])  # noqa: NPY002
    # Not torch.manual_seed, which keeps a note for each call where CUDA is not in use yet.
    torch.default_generator.manual_seed(int(words[2]))
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_bit_generator(numpy)
        torch.default_generator.set_state(torchs)


@DATA_SAMPLERS.register_module()
class EpochDraws(DefaultSampler):
    """MMEngine's ``DefaultSampler``, for loops over epochs, in the same order, with draws for indices.

    Args:
        dataset: What is drawn from.
        shuffle: In an order of its own in each epoch.
        seed: The same in all processes; the runner gives it.
        round_up: Repeat some samples so that all processes have equally many.
    """

    def __iter__(self) -> Iterator[Draw]:
        return (Draw(index, self.seed, self.epoch) for index in super().__iter__())


@DATA_SAMPLERS.register_module()
class EndlessDraws(Sampler):
    """Draws without end, for loops over iterations: each cycle goes through the whole dataset once.

    Unlike MMEngine's ``InfiniteSampler``, iterating anew begins at the same place again, which :meth:`skip` sets.

    Args:
        dataset: What is drawn from.
        shuffle: In an order of its own in each cycle.
        seed: The same in all processes; the runner gives it.
    """

    def __init__(self, dataset: Sized, shuffle: bool = True, seed: int | None = None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.dataset, self.shuffle = dataset, shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self._start = 0

    def __iter__(self) -> Iterator[Draw]:
        size = len(self.dataset)
        position, cycle, order = self._start * self.world_size + self.rank, -1, []
        while True:
            if position // size != cycle:
                cycle = position // size
                order = self._order(cycle)
            yield Draw(order[position % size], self.seed, cycle)
            position += self.world_size

    def __len__(self) -> int:
        return len(self.dataset)

    def skip(self, num_samples: int) -> None:
        """Begin, from the next iteration over this object on, after so many draws of this process.

        MMEngine calls it when it resumes. Whoever commits a round in the middle of a run calls it and makes the
        loop's data iterator anew, so that no sample that a worker had prepared from the last round is used.

        Args:
            num_samples: Counted from the start of the training.

        Raises:
            ValueError: It is negative.
        """
        if num_samples < 0:
            raise ValueError(f"num_samples is {num_samples}, expected at least 0")
        self._start = num_samples

    def set_epoch(self, epoch: int) -> None:
        """Does nothing: there are no epochs here."""

    def _order(self, cycle: int) -> list[int]:
        if not self.shuffle:
            return list(range(len(self.dataset)))
        generator = torch.Generator().manual_seed(self.seed + cycle)
        return torch.randperm(len(self.dataset), generator=generator).tolist()
