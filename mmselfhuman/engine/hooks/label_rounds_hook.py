"""Label making and training in turns, whatever the labels: rounds at their moments, exact resuming, many ranks."""

import json
import os
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from logging import WARNING
from typing import Any, ClassVar

from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import TRANSFORMS
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn

from mmselfhuman.engine.hooks.exact_resume import forget_fetched_batches, seed_step
from mmselfhuman.engine.hooks.round_checks import checked_store, checked_videos, claim, warn_of_inexact_resume
from mmselfhuman.engine.label_making import RoundReport, make_round
from mmselfhuman.engine.label_making.rounds import Maker
from mmselfhuman.engine.label_making.weights import buffers_of_first_rank, labelling_model, weights_digest


class LabelRoundsHook(Hook):
    """Alternate label making and training, in the way of Algorithm 1 of the paper.

    Round n is made after ``start + (n - 1) * interval`` epochs (in a loop over iterations: iterations) of training,
    with the averaged weights of an ``EMAHook`` if there is one: the network's predictions on the unlabelled videos are
    refined and become a round of pseudo-labels in a store. From then on, the training dataset, a ``PseudoLabelDataset``
    that reads the store, mixes them with the labelled data. A round that has collapsed stops the training.

    Resuming is exact (see :class:`~mmselfhuman.engine.hooks.ExactResumeHook`, whose seeding this hook does as well):
    rounds made after the checkpoint are taken back and made again when they are due; clips that were finished with the
    same weights are kept. A round is made after the checkpoint of its epoch or iteration is written, so that a run
    killed while it labels resumes there, if a checkpoint is written then.

    Subclasses say which labels are made, in :meth:`predictor` and :meth:`check_model`.

    Args:
        videos: The config of unlabelled videos, e.g. ``dict(type='UnlabelledVideos', paths='data/videos/')``.
        maker: Makes labels of predictions.
        interval: Epochs or iterations of training between rounds.
        rounds: How many.
        start: Epochs or iterations of training before the first round; 0 for a network that has been trained.
        store: Folder of the store, or a dict with ``root`` and settings of ``PseudoLabelStore``. By default, that which
            the training dataset reads.
        transforms: What a frame goes through before the network, without loading and packing.
        guard: Settings of the guard that refuses collapsed rounds.
        keep: How many rounds stay on disk, at least 2; ``None`` keeps all. A run that is resumed before them fails.

    Attributes:
        curves: Prefix of the round's scalars in logs.
        lines_to_add: What a config lacks that trains without pseudo-labels, with places for ``sampler`` and ``store``.

    Raises:
        ValueError: A setting is out of its range.
        TypeError: A setting of the guard does not exist.
    """

    curves: ClassVar[str]
    lines_to_add: ClassVar[str]

    # After the averaged weights are updated and the checkpoint is written.
    priority = "LOWEST"

    def __init__(
        self,
        videos: Mapping | Sequence,
        maker: Maker,
        interval: int,
        rounds: int,
        start: int,
        store: str | os.PathLike | Mapping | None,
        transforms: Sequence[Mapping],
        guard: Mapping | None,
        keep: int | None,
    ) -> None:
        least = {"interval": (interval, 1), "rounds": (rounds, 1), "start": (start, 0), "keep": (keep or 2, 2)}
        for name, (value, minimum) in least.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
                raise ValueError(f"{self.name}: {name} must be a whole number of at least {minimum}, got {value!r}")
        self.interval, self.rounds, self.start, self.keep = interval, rounds, start, keep
        self.maker = maker
        self.guard = maker.guard_type(**(guard or {}))
        self.transforms = list(transforms)
        self._videos_config = videos
        self._store_config = store

    @property
    def name(self) -> str:
        """Of the hook, in errors and in the provenance of its rounds."""
        return type(self).__name__

    @abstractmethod
    def predictor(self, model: nn.Module, transforms: list[Callable[[dict], dict]], identity: dict) -> Any:
        """What says what is in a frame: ``predictor(clip_name, frames)``, with an ``identity``."""

    @abstractmethod
    def check_model(self, runner: Runner) -> None:
        """Raise an error if this model, or the data that it is trained with, cannot be worked with."""

    def before_run(self, runner: Runner) -> None:
        """Check the config against model and data, before anything is trained."""
        self.store = checked_store(self._store_config, runner, self.name, self.lines_to_add)
        self.check_model(runner)
        self.videos = checked_videos(self._videos_config, self.name)
        self._predictor_transforms = [TRANSFORMS.build(dict(transform)) for transform in self.transforms]
        warn_of_inexact_resume(runner, self.name)
        self.by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        total = runner.max_epochs if self.by_epoch else runner.max_iters
        reached = self._due(total - 1)
        if reached < self.rounds:
            print_log(
                f"{self.name}: the training ends after {total} {self._unit}, before round {reached + 1} of "
                f"{self.rounds}, which is due after {self._moment(reached + 1)}",
                "current",
                WARNING,
            )

    def before_train(self, runner: Runner) -> None:
        """Take back rounds from after the checkpoint, and make the one that is due now."""
        trained = runner.epoch if self.by_epoch else runner.iter
        due = self._due(trained)
        if is_main_process():
            claim(self.store, runner.work_dir)
            self._check_rounds(due, trained)
            self.store.rewind(due if trained else 0)
        barrier()
        if due and due not in self.store.rounds():
            self._make_round(runner, due)
        forget_fetched_batches(runner.train_loop, 0)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        seed_step(runner)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        if not self.by_epoch and self._make_if_due(runner, runner.iter + 1, runner.max_iters):
            forget_fetched_batches(runner.train_loop, runner.iter + 1)

    def after_train_epoch(self, runner: Runner) -> None:
        if self.by_epoch:
            self._make_if_due(runner, runner.epoch + 1, runner.max_epochs)

    def _make_if_due(self, runner: Runner, trained: int, total: int) -> bool:
        number = self._due(trained)
        if not number or trained != self._moment(number) or trained == total:
            return False
        self._make_round(runner, number)
        return True

    def _make_round(self, runner: Runner, number: int) -> RoundReport:
        model = labelling_model(runner)
        with buffers_of_first_rank(model):
            identity = {"model": type(model).__name__, "weights": weights_digest(model)}
            predictor = self.predictor(model, self._predictor_transforms, identity)
            report = make_round(
                self.store, number, self.videos, predictor, self.maker, self.guard, self._provenance(number)
            )
        if is_main_process():
            scalars = {f"{self.curves}/{name}": value for name, value in report.scalars().items()}
            runner.visualizer.add_scalars(scalars, step=runner.iter)
            if self.keep is not None:
                self.store.prune(self.keep)
        return report

    def _provenance(self, number: int) -> dict:
        videos = self._videos_config if isinstance(self._videos_config, Mapping) else type(self.videos).__name__
        return {
            "made_by": self.name,
            "moment": [self._moment(number), self._unit],
            "videos": json.loads(json.dumps(videos, default=str)),
            "transforms": json.loads(json.dumps(self.transforms, default=str)),
        }

    def _check_rounds(self, due: int, trained: int) -> None:
        """Whether the rounds in the store are what this run has left there."""
        for number in self.store.rounds():
            provenance: dict[str, Any] = self.store.read(number).provenance
            if number and provenance.get("made_by") != self.name:
                raise ValueError(
                    f"{self.store.root} holds a round {number} that was made by {provenance.get('made_by')!r}, and "
                    f"{self.name} would replace it: give this training a store of its own"
                )
            expected = [self._moment(number), self._unit] if number else None
            if trained and 0 < number <= due and provenance["moment"] != expected:
                moment = " ".join(map(str, provenance["moment"]))
                raise ValueError(
                    f"round {number} in {self.store.root} was made after {moment}, but is due after "
                    f"{self._moment(number)} {self._unit}: resume with the schedule that the training began with"
                )
        if due and self._moment(due) != trained and due not in self.store.rounds():
            raise ValueError(
                f"{self.store.root} lacks round {due}, made after {self._moment(due)} {self._unit}, with which the "
                f"training went on that is resumed after {trained}: put it back, or resume from an earlier checkpoint"
            )

    @property
    def _unit(self) -> str:
        return "epochs" if self.by_epoch else "iterations"

    def _due(self, trained: int) -> int:
        """The number of the last round that is due when so much has been trained, 0 before the first."""
        return 0 if trained < self.start else min(self.rounds, (trained - self.start) // self.interval + 1)

    def _moment(self, number: int) -> int:
        return self.start + (number - 1) * self.interval
