"""Scores of predictions that somebody brought, where there are annotated videos."""

import time

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.evaluator import Evaluator
from mmengine.registry import DATASETS as ALL_DATASETS
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData

from mmselfhuman.engine.label_making import StoredPredictions
from mmselfhuman.engine.self_training.ledger import Result
from mmselfhuman.engine.self_training.stages import digest
from mmselfhuman.engine.self_training.task import Task
from mmselfhuman.models.flow.ops import resize
from mmselfhuman.structures import Frame


def score(task: Task) -> Result:
    """Score predictions as a network's test scores the network's own, in the videos that they are there for.

    Logits of another size than the frame are enlarged to it before the larger one is taken.
    """
    if not is_main_process():
        return Result()
    config = Config(dict(task.settings["config"]), format_python_code=False)
    init_default_scope(config.get("default_scope", "mmselfhuman"))
    dataset = ALL_DATASETS.build(config.test_dataloader.dataset)
    evaluator = Evaluator(config.test_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    predictions = StoredPredictions(**task.settings["predictions"])
    clock, scored = time.monotonic(), 0
    for index in range(len(dataset)):
        clip, number = dataset.source.place(index)
        if not predictions.covers(clip):
            continue
        sample = dataset[index]["data_samples"]
        (logits,) = predictions(clip, [Frame(number, dataset.source.image(index))])
        labels = resize(logits[None], sample.gt_sem_seg.shape).argmax(1)
        sample.set_data({"pred_sem_seg": PixelData(data=labels.to(torch.uint8))})
        evaluator.process([sample])
        scored += 1
    metrics = evaluator.evaluate(scored) if scored else {}
    metrics = {name: round(float(value), 6) for name, value in metrics.items()}
    return Result({}, digest(metrics), metrics, busy=round(time.monotonic() - clock, 3))
