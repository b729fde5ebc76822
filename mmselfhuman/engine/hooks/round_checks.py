"""What must fit together before labels can be made in a training: model, training data, store, videos."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from logging import WARNING
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmengine.runner import Runner

from mmselfhuman.datasets.pseudo_labels import EndlessDraws, EpochDraws, PseudoLabelDataset
from mmselfhuman.engine.label_making.predictors import checked_segmentor, number_of_classes
from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.pseudo_labels.files import replacing, to_json
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import Clip

_OWNER = "run.json"

LINES_TO_ADD = """\
custom_imports = dict(imports=['mmselfhuman'])
train_dataloader = dict(
    sampler=dict(_delete_=True, type='mmselfhuman.{sampler}'),
    dataset=dict(
        _delete_=True,
        type='mmselfhuman.PseudoLabelDataset',
        labelled=_base_.train_dataloader.dataset,
        pseudo=dict(
            type='PersonSegDataset',
            source=dict(type='PseudoLabels', store={store!r}),
            pipeline=[dict(type='mmselfhuman.LoadPersonImage'), dict(type='mmselfhuman.LoadPersonSegMap'),
                      *_base_.train_pipeline[2:]])))  # your transforms, without those that load"""


def checked_store(
    config: str | os.PathLike | Mapping | None, runner: Runner, hook: str, lines: str
) -> PseudoLabelStore:
    """The store that the hook writes and the training dataset reads.

    Args:
        config: As of the hook.
        runner: With its training dataset built.
        hook: Its name, for errors.
        lines: What a config lacks that has no ``PseudoLabelDataset``, with places for ``sampler`` and ``store``.

    Raises:
        ValueError: The training dataset reads no store or another one.
    """
    settings = dict(config) if isinstance(config, Mapping) else {} if config is None else {"root": config}
    datasets = list(pseudo_label_datasets(runner.train_dataloader.dataset))
    read = sorted({str(dataset.store.root) for dataset in datasets})
    root = settings.pop("root", None)
    if root is None and len(read) > 1:
        raise ValueError(f"{hook}: the training dataset reads several stores, {', '.join(read)}: say which, store=...")
    root = str(root) if root is not None else read[0] if read else os.path.join(runner.work_dir, "pseudo_labels")
    if not datasets:
        sampler = "EndlessDraws" if hasattr(runner.train_loop, "dataloader_iterator") else "EpochDraws"
        raise ValueError(
            f"{hook}: the training data have no PseudoLabelDataset, so that nothing would be learned from the labels. "
            f"Add to the config:\n{lines.format(sampler=sampler, store=root)}"
        )
    if Path(root).resolve() not in {Path(path).resolve() for path in read}:
        raise ValueError(f"{hook}: labels would be written to {root}, but the training dataset reads {', '.join(read)}")
    return PseudoLabelStore(root, **settings)


def check_classes(runner: Runner) -> None:
    """Whether the segmentor that is trained and its data know the same number of classes.

    Raises:
        TypeError: The model is not a segmentor of MMSegmentation.
        ValueError: They do not.
    """
    dataset = next(pseudo_label_datasets(runner.train_dataloader.dataset))
    classes = dataset.metainfo.get("classes")
    outputs = number_of_classes(checked_segmentor(runner.model))
    if classes is not None and len(classes) != outputs:
        raise ValueError(
            f"TPRHook: the model tells {outputs} classes apart, the training dataset has {len(classes)}: "
            f"{', '.join(map(str, classes[:5]))}{', ...' if len(classes) > 5 else ''}"
        )


def checked_videos(config: Mapping | Sequence[Clip], hook: str) -> Sequence[Clip]:
    """The videos, built.

    Raises:
        ValueError: There are none, or two of one name.
    """
    videos = DATASETS.build({"_scope_": "mmselfhuman", **config}) if isinstance(config, Mapping) else config
    names = [clip.name for clip in videos]
    if not names:
        raise ValueError(f"{hook}: there are no videos")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{hook}: two videos are named {twice!r}")
    return videos


def claim(store: PseudoLabelStore, work_dir: str) -> None:
    """Make a store that of one run.

    Raises:
        ValueError: It holds rounds of a run in another work dir.
    """
    path = store.root / _OWNER
    owner = os.path.abspath(work_dir)
    if path.is_file() and store.rounds():
        other = json.loads(path.read_bytes())["work_dir"]
        if other != owner:
            raise ValueError(
                f"{store.root} holds the labels of the run in {other}, not in {owner}: give each training a store of "
                f"its own (--cfg-options train_dataloader.dataset.pseudo.source.store=...), or delete {path} if that "
                "run was moved here"
            )
    with replacing(path) as file:
        file.write(to_json({"work_dir": owner}))


def warn_of_inexact_resume(runner: Runner, hook: str) -> None:
    """Say so if a resumed run will not be the same run."""
    reasons = []
    if (runner.cfg.get("randomness") or {}).get("seed") is None:
        reasons.append("set randomness=dict(seed=...)")
    if not isinstance(runner.train_dataloader.batch_sampler.sampler, EndlessDraws | EpochDraws):
        reasons.append("use the sampler mmselfhuman.EndlessDraws (loops over iterations) or EpochDraws (over epochs)")
    if reasons:
        message = f"{hook}: resuming this training works, but not to the last bit"
        print_log(f"{message}; for that, {' and '.join(reasons)}", "current", WARNING)


def pseudo_label_datasets(dataset: Any) -> Iterator[PseudoLabelDataset]:
    """All of them inside wrappers such as ``RepeatDataset`` and ``ConcatDataset``."""
    if isinstance(dataset, PseudoLabelDataset):
        yield dataset
        return
    inner = [getattr(dataset, name) for name in ("dataset", "_dataset") if hasattr(dataset, name)]
    for child in [*inner, *getattr(dataset, "datasets", ())]:
        yield from pseudo_label_datasets(child)
