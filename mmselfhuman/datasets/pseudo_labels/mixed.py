"""Labelled samples and pseudo-labelled ones in one dataset."""

import random
from collections import OrderedDict
from collections.abc import Mapping
from copy import deepcopy
from logging import WARNING
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, Compose
from mmengine.logging import print_log
from mmengine.registry import DATASETS as ALL_DATASETS

from mmselfhuman.datasets.person_dataset import NoSamplesError
from mmselfhuman.datasets.person_seg import PersonSegDataset
from mmselfhuman.datasets.pseudo_labels.draws import Draw, seeded
from mmselfhuman.pseudo_labels import PseudoLabelError, PseudoLabelStore
from mmselfhuman.registry import DATASETS

_KEPT_ORDERS = 4


@DATASETS.register_module()
class PseudoLabelDataset:
    """Any labelled dataset, mixed with the latest round of a pseudo-label store.

    The first ``len(labelled)`` indices are the labelled samples; the others, so many that they are the share ``ratio``
    of all, are places for pseudo-labelled samples. The length does not depend on the round. With the samplers
    :class:`~mmselfhuman.datasets.pseudo_labels.EpochDraws` and
    :class:`~mmselfhuman.datasets.pseudo_labels.EndlessDraws`, these places go through all samples of the round, in an
    order of their own, before one comes again; and a sample depends on the sampler's seed, the cycle (epoch), the index
    and the round only, whichever process makes it. With other samplers each place gives any sample of the round, drawn
    from Python's global generator.

    The round is asked for with every sample, so that worker processes notice a new one wherever they are. Before the
    first round, and where a round has nothing to learn from, labelled samples take the places of the pseudo-labelled
    ones.

    Args:
        labelled: A dataset of any MM library, or its config. ``metainfo`` is its.
        pseudo: Config of a ``PersonSegDataset``, ``PersonPoseDataset`` or ``PersonInstanceDataset`` whose ``source`` is
            a ``PseudoLabels``; built anew for each round. Types without a scope are looked up in ``mmselfhuman``, those
            in ``pipeline`` where the surrounding config looks them up. A ``PersonSegDataset`` takes over the
            ``classes`` of ``labelled``.
        ratio: Share of pseudo-labelled samples, in [0, 1).
        lazy_init: Do not build the data list of ``labelled`` before it is needed.

    Raises:
        ValueError: ``ratio`` is out of range, or ``pseudo`` has no ``source`` with a ``store``.
        TypeError: ``labelled`` is neither a dataset nor a config.
        KeyError: ``pseudo`` has a type that is not registered.
    """

    def __init__(
        self, labelled: Mapping | BaseDataset, pseudo: Mapping, ratio: float = 0.5, lazy_init: bool = False
    ) -> None:
        if not 0 <= ratio < 1:
            raise ValueError(f"ratio is {ratio}, expected the share of pseudo-labelled samples, in [0, 1)")
        self.ratio = ratio
        self.labelled = ALL_DATASETS.build(labelled) if isinstance(labelled, Mapping) else labelled
        if not hasattr(self.labelled, "metainfo") or not hasattr(self.labelled, "full_init"):
            raise TypeError(f"labelled is a {type(labelled).__name__}, expected a dataset or the config of one")
        self._metainfo = self.labelled.metainfo
        self._pseudo = _prepared(pseudo, self._metainfo)
        self.store = PseudoLabelStore(self._pseudo["source"]["store"])
        self._commit: tuple | None = None
        self._round: Any = None
        self._orders: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._fully_initialized = False
        if not lazy_init:
            self.full_init()

    @property
    def metainfo(self) -> dict:
        """Meta information of the labelled dataset, a copy."""
        return deepcopy(self._metainfo)

    @property
    def round(self) -> int | None:
        """Number of the round that samples come from, ``None`` before the first."""
        self._refresh()
        return None if self._commit is None else self._commit[0]

    def full_init(self) -> None:
        """Build the data list of the labelled dataset."""
        if not self._fully_initialized:
            self.labelled.full_init()
            self._num_labelled = len(self.labelled)
            self._num_places = int(self._num_labelled * self.ratio / (1 - self.ratio) + 0.5)
            self._fully_initialized = True

    def __len__(self) -> int:
        self.full_init()
        return self._num_labelled + self._num_places

    def __getitem__(self, idx: int) -> Any:
        """A sample through the pipeline of its dataset.

        Raises:
            IndexError: There is no such sample.
            PseudoLabelError: A file of the round is missing or damaged.
        """
        if not isinstance(idx, Draw):
            return self._ask(idx, "__getitem__")
        with seeded(idx):
            return self._ask(idx, "__getitem__")

    def get_data_info(self, idx: int) -> dict:
        """What the sample's dataset knows about it without its pixels."""
        return self._ask(idx, "get_data_info")

    def get_cat_ids(self, idx: int) -> list[int]:
        """Categories in a sample, for class-balancing wrappers; only if both datasets have this method."""
        return self._ask(idx, "get_cat_ids")

    def get_subset_(self, indices: Any) -> None:
        """Not possible, as with MMEngine's wrappers: set ``indices`` of the labelled dataset instead."""
        raise NotImplementedError(f"{type(self).__name__} has no subsets; set 'indices' of the labelled dataset")

    get_subset = get_subset_

    def _ask(self, idx: int, method: str) -> Any:
        while True:
            self._refresh()
            dataset, index = self._place(idx)
            try:
                return getattr(dataset, method)(index)
            except PseudoLabelError:
                # A round may be pruned while it is read, when there is a newer one.
                if self.store.latest_commit() == self._commit:
                    raise

    def _place(self, idx: int) -> tuple[Any, int]:
        """The dataset that a sample comes from, and its index there."""
        length = len(self)
        if not -length <= idx < length:
            raise IndexError(f"{type(self).__name__} has {length} samples, asked for number {int(idx)}")
        index = int(idx) % length
        if index < self._num_labelled:
            return self.labelled, index
        dataset = self.labelled if self._round is None else self._round
        if not isinstance(idx, Draw):
            return dataset, random.randrange(len(dataset))
        position = idx.cycle * self._num_places + index - self._num_labelled
        turn, place = divmod(position, len(dataset))
        number = -1 if self._commit is None else self._commit[0]
        return dataset, int(self._order(len(dataset), idx.seed, number + 1, turn)[place])

    def _order(self, size: int, *key: int) -> np.ndarray:
        known = self._orders.get((size, key))
        if known is None:
            known = self._orders[size, key] = np.random.default_rng(key).permutation(size)
            if len(self._orders) > _KEPT_ORDERS:
                self._orders.popitem(last=False)
        return known

    def _refresh(self) -> None:
        commit = self.store.latest_commit()
        if commit == self._commit:
            return
        if commit is None:
            self._round = None
        else:
            source = {**self._pseudo["source"], "round": commit[0]}
            try:
                self._round = DATASETS.build({**self._pseudo, "source": source})
            except NoSamplesError as error:
                self._round = None
                print_log(f"round {commit[0]} is not learned from: {error}", "current", WARNING)
            else:
                _check_same_labels(self._round.metainfo, self._metainfo)
        self._commit = commit


def _prepared(pseudo: Mapping, metainfo: dict) -> dict:
    """The config of the pseudo-labelled dataset, with its pipeline built: a worker process that is spawned has no
    default scope to look transforms up in."""
    source = pseudo.get("source")
    if not isinstance(source, Mapping) or "store" not in source:
        raise ValueError("pseudo needs source=dict(type='PseudoLabels', store=...), got source " + repr(source))
    prepared = {"_scope_": "mmselfhuman", **pseudo, "pipeline": Compose(list(pseudo.get("pipeline", ()))).transforms}
    with DATASETS.switch_scope_and_registry(prepared["_scope_"]) as registry:
        kind = registry.get(prepared["type"]) if isinstance(prepared["type"], str) else prepared["type"]
    if kind is None:
        raise KeyError(f"pseudo has type {prepared['type']!r}, which is no registered dataset")
    if issubclass(kind, PersonSegDataset) and "metainfo" not in prepared:
        prepared["metainfo"] = {key: metainfo[key] for key in ("classes", "palette") if key in metainfo}
    return prepared


def _check_same_labels(pseudo: dict, labelled: dict) -> None:
    """Whether a label means the same in both datasets.

    Raises:
        ValueError: Classes or joints differ.
    """
    own, theirs = tuple(pseudo.get("classes") or ()), tuple(labelled.get("classes") or ())
    if own and theirs and own != theirs[: len(own)]:
        raise ValueError(f"pseudo-labels have classes {own}, the labelled dataset has {theirs}")
    own, theirs = pseudo.get("keypoint_id2name"), labelled.get("keypoint_id2name")
    if own and theirs and own != theirs:
        raise ValueError(f"pseudo-labels have joints {[*own.values()]}, the labelled dataset {[*theirs.values()]}")
