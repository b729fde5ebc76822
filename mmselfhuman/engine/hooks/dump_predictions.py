"""Keeping what a model said about each test image."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmselfhuman.registry import HOOKS


@HOOKS.register_module()
class DumpPredictions(Hook):
    """Write every prediction of a test run to one pickle file, instance masks as RLE.

    MMDetection's ``DumpDetResults`` does the writing. It is driven from here and not appended to the evaluator's
    metrics, because ``MultiDatasetsEvaluator`` pairs its metrics with data sets and leaves an extra one out.

    Args:
        out_file: Ends in ``.pkl`` or ``.pickle``.
    """

    priority = "LOW"

    def __init__(self, out_file: str) -> None:
        from mmdet.evaluation import DumpDetResults

        self._writer = DumpDetResults(out_file_path=out_file)

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence) -> None:
        self._writer.process(data_batch, [sample.to_dict() for sample in outputs])

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        self._writer.evaluate(len(runner.test_dataloader.dataset))
