"""The Pose2Seg Module's network: the Seg Module's, with an input layer for an image and a skeleton."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import InstanceData
from mmseg.models import EncoderDecoder, SegDataPreProcessor
from torch import Tensor

from mmselfhuman.models.pose2seg.crops import paste_windows
from mmselfhuman.models.pose2seg.fusion import PersonFusion
from mmselfhuman.models.pose2seg.input_layer import widen_input
from mmselfhuman.models.pose2seg.rle import window_to_rle
from mmselfhuman.models.pose2seg.skeleton_maps import NUM_CHANNELS
from mmselfhuman.registry import MODELS


@MODELS.register_module()
class Pose2SegDataPreProcessor(SegDataPreProcessor):
    """mmseg's, for images with skeleton maps behind their three channels; the maps stay as they are.

    See :class:`mmseg.models.SegDataPreProcessor` for the arguments; ``mean`` and ``std`` are the image's.
    """

    def __init__(
        self,
        skeleton_channels: int = NUM_CHANNELS,
        bgr_to_rgb: bool = False,
        rgb_to_bgr: bool = False,
        **kwargs: Any,
    ) -> None:
        # mmseg itself swaps the channels of pictures with three of them only, which these are not.
        super().__init__(bgr_to_rgb=bgr_to_rgb, rgb_to_bgr=rgb_to_bgr, **kwargs)
        self._swap = bgr_to_rgb or rgb_to_bgr
        if self._enable_normalize:
            still = self.mean.new_zeros((skeleton_channels, 1, 1))
            self.mean = torch.cat([self.mean, still])
            self.std = torch.cat([self.std, still + 1])

    def forward(self, data: dict, training: bool = False) -> dict:
        """As mmseg's, of ``inputs`` ``(3 + skeleton_channels, h, w)``."""
        if self._swap:
            inputs = [torch.cat([picture[:3].flip(0), picture[3:]]) for picture in data["inputs"]]
            data = {**data, "inputs": inputs}
        return super().forward(data, training)


@MODELS.register_module()
class Pose2Seg(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` on images with skeleton maps, of one person each.

    Its config is that of a Seg Module, with any backbone and heads, and its checkpoints have the Seg Module's names.
    One of a Seg Module loads as it is (``load_from``, ``init_cfg``): the first convolution keeps its weights, and those
    of the skeleton maps are zero. Until it is trained, the network then gives what the Seg Module gives.

    Predictions are mmseg's, of the crop. Where samples say which ``region`` of the frame they show and how large the
    frame is (``frame_shape``), there is also ``pred_instances`` with the one person's ``masks`` (an RLE in the frame)
    and ``scores``, as instance metrics take it.

    Args:
        skeleton_channels: How many channels there are behind the image.
        **kwargs: As of :class:`mmseg.models.EncoderDecoder`.
    """

    def __init__(self, skeleton_channels: int = NUM_CHANNELS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        widen_input(self.backbone, skeleton_channels)

    def postprocess_result(self, seg_logits: Tensor, data_samples: Sequence | None = None) -> Sequence:
        """Add to mmseg's predictions the person's mask in the frame."""
        samples = super().postprocess_result(seg_logits, data_samples)
        for sample in samples:
            if "region" in sample and "frame_shape" in sample:
                sample.pred_instances = _instance(sample)
        return samples


def _instance(sample: Any) -> InstanceData:
    logits, frame_size = sample.seg_logits.data[None], tuple(sample.frame_shape[:2])
    region = torch.as_tensor(sample.region, device=logits.device)[None]
    (person,) = PersonFusion()(paste_windows(logits, region, frame_size), frame_size)
    return InstanceData(masks=[window_to_rle(person.window, frame_size)], scores=logits.new_tensor([person.score]))
