"""TPR in any training of MMSegmentation: label the videos with the current network, and train on."""

import os
from collections.abc import Callable, Mapping, Sequence

from mmengine.runner import Runner
from torch import nn

from mmselfhuman.engine.hooks.label_rounds_hook import LabelRoundsHook
from mmselfhuman.engine.hooks.round_checks import LINES_TO_ADD, check_classes
from mmselfhuman.engine.label_making import LabelMaker, SegmentorPredictor, StoredPredictions
from mmselfhuman.registry import HOOKS, MODELS


@HOOKS.register_module()
class TPRHook(LabelRoundsHook):
    """Alternate label making and training: N_TPR rounds, section 3.3 and Algorithm 1 of the paper.

    The network's logits on the unlabelled videos are refined by TPR and become pseudo-labels, which the training
    dataset mixes with the labelled data; when, and how it resumes, says
    :class:`~mmselfhuman.engine.hooks.label_rounds_hook.LabelRoundsHook`.

    Args:
        videos: The config of unlabelled videos, e.g. ``dict(type='UnlabelledVideos', paths='data/videos/')``.
        interval: Epochs or iterations of training between rounds; the paper has 10 epochs.
        rounds: N_TPR.
        start: Epochs or iterations of training before the first round; 0 for a network that has been trained.
        store: Folder of the store, or a dict with ``root`` and settings of ``PseudoLabelStore``. By default, that which
            the training dataset reads.
        refiner: Settings of ``TemporalParsingRefiner``. By default, one round: training comes between the paper's.
        threshold, background, batch_size: Of :class:`~mmselfhuman.engine.label_making.LabelMaker`.
        transforms: What a frame goes through before the network (the resizing of the test pipeline, say), without
            loading and packing.
        predictions: Settings of :class:`~mmselfhuman.engine.label_making.StoredPredictions`: what somebody else's
            network has said about the same videos, averaged with what this one says.
        guard: Settings of :class:`~mmselfhuman.engine.label_making.CollapseGuard`.
        keep: How many rounds stay on disk, at least 2; ``None`` keeps all. A run that is resumed before them fails.

    Raises:
        ValueError: A setting is out of its range.
        TypeError: A setting of the refiner, the predictions or the guard does not exist.
        FileNotFoundError: There is no folder of predictions.
    """

    curves = "tpr"
    lines_to_add = LINES_TO_ADD

    def __init__(
        self,
        videos: Mapping | Sequence,
        interval: int,
        rounds: int = 5,
        start: int = 0,
        store: str | os.PathLike | Mapping | None = None,
        refiner: Mapping | None = None,
        threshold: float = 0.7,
        background: int | None = 0,
        batch_size: int = 8,
        transforms: Sequence[Mapping] = (),
        guard: Mapping | None = None,
        keep: int | None = None,
        predictions: Mapping | None = None,
    ) -> None:
        settings = {"type": "TemporalParsingRefiner", **({"rounds": 1} if refiner is None else refiner)}
        refiner = MODELS.build({"_scope_": "mmselfhuman", **settings})
        given = None if predictions is None else StoredPredictions(**predictions)
        maker = LabelMaker(refiner, threshold, background, batch_size, given)
        super().__init__(videos, maker, interval, rounds, start, store, transforms, guard, keep)

    def predictor(
        self, model: nn.Module, transforms: list[Callable[[dict], dict]], identity: dict
    ) -> SegmentorPredictor:
        return SegmentorPredictor(model, transforms, identity)

    def check_model(self, runner: Runner) -> None:
        check_classes(runner)
