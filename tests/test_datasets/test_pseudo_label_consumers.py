"""Stock datasets of mmseg, mmpose and mmdet, mixed with pseudo-labels and resumed in MMEngine's loops."""

import copy
import hashlib
import pickle

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner
from pycocotools import mask as coco_mask
from tiny_data import HEIGHT, WIDTH, write_tiny_data
from torch.utils.data import DataLoader

from mmselfhuman.datasets.pseudo_labels import Draw
from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import UNSURE, PseudoLabel, PseudoPerson

CLASSES = {"classes": [str(label) for label in range(19)]}
LOAD = {"type": "mmselfhuman.LoadPersonImage"}


@pytest.fixture
def tiny(tmp_path):
    return write_tiny_data(tmp_path)


@pytest.fixture
def store(tmp_path):
    """One round of three frames: classes up to 18, and one person each."""
    store = PseudoLabelStore(tmp_path / "store")
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:50, 20:60] = 1
    keypoints = np.column_stack([np.linspace(22, 58, 17), np.linspace(12, 48, 17), np.ones(17)]).astype(np.float32)
    classes = mask * 18
    classes[9] = UNSURE
    person = PseudoPerson(0.9, coco_mask.encode(np.asfortranarray(mask)), keypoints)
    rng = np.random.default_rng(0)
    writer = store.begin_round(0, {})
    writer.write_clip(
        "clip",
        [
            PseudoLabel(
                frame,
                HEIGHT,
                WIDTH,
                rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8),
                semantic=classes,
                persons=(person,),
            )
            for frame in range(3)
        ],
    )
    writer.commit()
    return store


def build(scope, labelled, pseudo, store):
    source = {"type": "PseudoLabels", "store": str(store.root)}
    config = {
        "type": "mmselfhuman.PseudoLabelDataset",
        "labelled": labelled,
        "pseudo": {**pseudo, "source": source},
        "ratio": 0.5,
    }
    with DefaultScope.overwrite_default_scope(scope):
        return DATASETS.build(config)


def both(dataset):
    """A labelled and a pseudo-labelled sample, made by a worker process outside the default scope."""
    loader = DataLoader(
        dataset,
        2,
        sampler=[Draw(0, 0, 0), Draw(len(dataset) - 1, 0, 0)],
        num_workers=1,
        collate_fn=list,
        multiprocessing_context="fork",
    )
    return next(iter(loader))


def test_stock_mmseg_dataset_of_many_classes(tiny, store):
    pytest.importorskip("mmseg")
    crop = {"type": "RandomCrop", "crop_size": (48, 48)}
    labelled = {
        "type": "LIPDataset",
        "data_root": str(tiny.lip),
        "data_prefix": {"img_path": "train_images", "seg_map_path": "train_segmentations"},
        "pipeline": [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}, crop, {"type": "PackSegInputs"}],
    }
    pseudo = {
        "type": "PersonSegDataset",
        "pipeline": [LOAD, {"type": "mmselfhuman.LoadPersonSegMap"}, crop, {"type": "PackSegInputs"}],
    }
    dataset = build("mmseg", labelled, pseudo, store)
    assert (len(dataset), len(dataset.metainfo["classes"])) == (4, 20)
    first, second = both(dataset)
    assert [sample["inputs"].shape for sample in (first, second)] == [(3, 48, 48)] * 2
    assert set(second["data_samples"].gt_sem_seg.data.unique().tolist()) <= {0, 18, UNSURE}
    assert 18 in second["data_samples"].gt_sem_seg.data


@pytest.mark.parametrize("mode", ["topdown", "bottomup"])
def test_stock_mmpose_dataset(tiny, store, mode):
    pytest.importorskip("mmpose")
    codec = {
        "topdown": [
            {"type": "GetBBoxCenterScale"},
            {"type": "TopdownAffine", "input_size": (48, 64)},
            {
                "type": "GenerateTarget",
                "encoder": {"type": "MSRAHeatmap", "input_size": (48, 64), "heatmap_size": (12, 16), "sigma": 2},
            },
            {"type": "PackPoseInputs"},
        ],
        "bottomup": [{"type": "BottomupRandomAffine", "input_size": (64, 64)}, {"type": "PackPoseInputs"}],
    }[mode]
    labelled = {
        "type": "CocoDataset",
        "ann_file": str(tiny.persons),
        "data_prefix": {"img": str(tiny.images)},
        "data_mode": mode,
        "pipeline": [{"type": "LoadImage"}, *codec],
    }
    dataset = build(
        "mmpose", labelled, {"type": "PersonPoseDataset", "data_mode": mode, "pipeline": [LOAD, *codec]}, store
    )
    assert len(dataset) == (8 if mode == "topdown" else 4)
    first, second = both(dataset)
    assert first["inputs"].shape == second["inputs"].shape
    assert first["data_samples"].gt_instances.keys() == second["data_samples"].gt_instances.keys()


def test_stock_mmdet_dataset(tiny, store):
    pytest.importorskip("mmdet")
    rest = [{"type": "RandomFlip", "prob": 0.5}, {"type": "PackDetInputs"}]
    annotations = {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True}
    labelled = {
        "type": "CocoDataset",
        "ann_file": str(tiny.persons),
        "data_prefix": {"img": str(tiny.images)},
        "metainfo": {"classes": ("person",)},
        "pipeline": [{"type": "LoadImageFromFile"}, annotations, *rest],
    }
    dataset = build("mmdet", labelled, {"type": "PersonInstanceDataset", "pipeline": [LOAD, annotations, *rest]}, store)
    first, second = both(dataset)
    assert [len(sample["data_samples"].gt_instances) for sample in (first, second)] == [2, 1]
    assert second["data_samples"].gt_instances.masks.masks.sum() == 1600
    assert dataset.get_cat_ids(3) == [0]


class Recorder(BaseModel):
    """Learns nothing from batches, but keeps their digests."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen = []

    def forward(self, inputs, data_samples, mode):
        labels = [sample.gt_sem_seg.data.numpy() for sample in data_samples]
        self.seen.append(hashlib.sha256(pickle.dumps([[image.numpy() for image in inputs], labels])).hexdigest())
        return {"loss": self.weight.sum()}


class NewRound(Hook):
    """Commits a round at one moment, after an iteration or an epoch."""

    def __init__(self, store, iteration=None, epoch=None):
        self.store, self.iteration, self.epoch = store, iteration, epoch

    def commit(self):
        reader = self.store.read(0)
        labels = [copy.copy(label) for label in reader]
        for label in labels:
            object.__setattr__(label, "semantic", 1 - np.minimum(label.semantic, 1))
        writer = self.store.begin_round(1, {})
        writer.write_clip("clip", labels)
        writer.commit()

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == self.iteration:
            self.commit()
            sampler, batch_size = runner.train_dataloader.sampler, runner.train_dataloader.batch_size
            sampler.skip(batch_size * self.iteration)
            loop = runner.train_loop
            loop.dataloader_iterator = type(loop.dataloader_iterator)(loop.dataloader)

    def after_train_epoch(self, runner):
        if runner.epoch + 1 == self.epoch:
            self.commit()


def train(tiny, store, work_dir, loop, sampler, hook, stop=None, **loader):
    """The batches that a run of a Runner sees; with ``stop``, it ends there and is resumed by another one."""
    pipeline = [
        LOAD,
        {"type": "mmselfhuman.LoadPersonSegMap"},
        {"type": "RandomCrop", "crop_size": (32, 32)},
        {"type": "PhotoMetricDistortion"},
        {"type": "PackSegInputs"},
    ]
    persons = {"type": "COCOPersons", "ann_file": str(tiny.persons), "img_prefix": str(tiny.images)}
    labelled = {"type": "mmselfhuman.PersonSegDataset", "source": persons, "pipeline": pipeline, "metainfo": CLASSES}
    source = {"type": "PseudoLabels", "store": str(store.root)}
    dataset = {
        "type": "mmselfhuman.PseudoLabelDataset",
        "labelled": labelled,
        "pseudo": {"type": "PersonSegDataset", "source": source, "pipeline": pipeline},
        "ratio": 0.6,
    }
    length = "max_epochs" if loop == "EpochBasedTrainLoop" else "max_iters"
    seen = []
    for last in [stop, 6] if stop else [6]:
        runner = Runner(
            Recorder(),
            str(work_dir),
            train_dataloader={"batch_size": 2, "sampler": {"type": sampler}, "dataset": dataset, **loader},
            train_cfg={"type": loop, length: last},
            optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
            default_hooks={
                "checkpoint": {"type": "CheckpointHook", "interval": 1, "by_epoch": loop == "EpochBasedTrainLoop"},
                "logger": None,
            },
            custom_hooks=[hook],
            resume=last == 6 and stop is not None,
            randomness={"seed": 4},
            default_scope="mmseg",
            experiment_name=f"{work_dir.name}_{last}",
            log_level="ERROR",
        )
        runner.train()
        seen += runner.model.seen
    return seen


@pytest.mark.parametrize(("stop", "workers"), [(2, 1), (3, 0)])
def test_epochs_resumed_are_the_epochs_of_an_uninterrupted_run(tiny, store, tmp_path, stop, workers):
    pytest.importorskip("mmseg")
    settings = {"loop": "EpochBasedTrainLoop", "sampler": "mmselfhuman.EpochDraws", "num_workers": workers}
    other = {**settings, "num_workers": 0, "persistent_workers": False}
    hook = NewRound(store, epoch=3)
    whole = train(tiny, store, tmp_path / "whole", hook=hook, persistent_workers=workers > 0, **settings)
    store.rewind(0)
    assert train(tiny, store, tmp_path / "parts", hook=hook, stop=stop, **other) == whole
    assert (len(whole), len(set(whole)), store.latest_round()) == (18, 18, 1)


@pytest.mark.parametrize(("stop", "workers"), [(5, 1)])
def test_iterations_resumed_are_the_iterations_of_an_uninterrupted_run(tiny, store, tmp_path, stop, workers):
    pytest.importorskip("mmseg")
    settings = {"loop": "IterBasedTrainLoop", "sampler": "mmselfhuman.EndlessDraws", "num_workers": workers}
    hook = NewRound(store, iteration=3)
    whole = train(tiny, store, tmp_path / "whole", hook=hook, **settings)
    store.rewind(0)
    assert train(tiny, store, tmp_path / "parts", hook=hook, stop=stop, **{**settings, "num_workers": 0}) == whole
    assert (len(whole), len(set(whole)), store.latest_round()) == (6, 6, 1)


def test_stock_samplers_keep_working(tiny, store):
    pytest.importorskip("mmseg")
    pipeline = [LOAD, {"type": "mmselfhuman.LoadPersonSegMap"}, {"type": "PackSegInputs"}]
    persons = {"type": "COCOPersons", "ann_file": str(tiny.persons), "img_prefix": str(tiny.images)}
    labelled = {"type": "mmselfhuman.PersonSegDataset", "source": persons, "pipeline": pipeline, "metainfo": CLASSES}
    pseudo = {"type": "PersonSegDataset", "pipeline": pipeline}
    dataset = build("mmseg", labelled, pseudo, store)
    loader = DataLoader(dataset, 4, collate_fn=pseudo_collate)
    assert len(next(iter(loader))["inputs"]) == 4
