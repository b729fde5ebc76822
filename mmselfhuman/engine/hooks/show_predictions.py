"""Drawing what a model said about each test image."""

import os
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from mmengine.dataset import BaseDataset, ConcatDataset
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from mmselfhuman.datasets.images import read_image
from mmselfhuman.registry import HOOKS


@HOOKS.register_module()
class ShowPredictions(Hook):
    """Draw every prediction of a test run with the config's visualizer.

    The visualization hooks of the MM libraries differ in their arguments and read each image from its file. This one
    serves the visualizers of all three, and asks the data set for an image that no file holds.

    Args:
        out_dir: Folder to write ``<index>_<name of the image>.png`` to; ``None`` writes nothing.
        show: Show each drawing in a window.
        wait_time: Seconds for which it is shown; 0 waits for a key.

    Raises:
        ValueError: Neither ``out_dir`` nor ``show`` is given.
    """

    priority = "LOW"

    def __init__(self, out_dir: str | None = None, show: bool = False, wait_time: float = 0) -> None:
        if out_dir is None and not show:
            raise ValueError("ShowPredictions has nothing to do: give out_dir or show=True")
        self.out_dir = out_dir
        self.show = show
        self.wait_time = wait_time

    def before_test_epoch(self, runner: Runner) -> None:
        # Test samplers do not shuffle, so this is the order in which predictions come.
        self._indices = iter(runner.test_dataloader.sampler)
        if hasattr(runner.visualizer, "skeleton"):
            # mmpose's visualizer takes skeleton and colours from here, and not from the ``dataset_meta`` it was given.
            runner.visualizer.set_dataset_meta(runner.visualizer.dataset_meta)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[BaseDataElement]
    ) -> None:
        for sample in outputs:
            index = next(self._indices)
            path = PurePath(sample.img_path)
            image = _image(runner.test_dataloader.dataset, index, sample.img_path)
            runner.visualizer.add_datasample(
                path.name,
                image[..., ::-1].copy(),
                data_sample=sample,
                show=self.show,
                wait_time=self.wait_time,
                out_file=self.out_dir and os.path.join(self.out_dir, f"{index:06d}_{path.stem}.png"),
                step=index,
            )


def _image(dataset: BaseDataset | ConcatDataset, index: int, path: str) -> np.ndarray:
    """``(H, W, 3)`` uint8, BGR: the image of sample ``index``."""
    while isinstance(dataset, ConcatDataset):
        number = bisect_right(dataset.cumulative_sizes, index)
        index -= dataset.cumulative_sizes[number - 1] if number else 0
        dataset = dataset.datasets[number]
    info = dataset.get_data_info(index)
    return dataset.source.image(info["source_index"]) if info.get("rendered") else read_image(path)
