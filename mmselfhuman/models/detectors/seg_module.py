"""The Seg Module as a part of the detector: any segmentor of MMSegmentation."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmselfhuman.models.detectors.inputs import build_transforms, equally_large, frame_sample, transformed
from mmselfhuman.registry import MODELS


@MODELS.register_module()
class SegModule(BaseModule):
    """Frames to logits by any segmentor; class 0 is the background.

    Args:
        segmentor: Its config with its ``data_preprocessor``, or the segmentor. Its checkpoints load into
            :attr:`segmentor`.
        transforms: What a frame goes through on its way to it, without loading and packing.
        batch_size: How many frames go through the network at a time.
        init_cfg: See :class:`mmengine.model.BaseModule`.

    Raises:
        TypeError: It is no segmentor of MMSegmentation.
    """

    def __init__(
        self,
        segmentor: dict | nn.Module,
        transforms: Sequence[dict] = (),
        batch_size: int = 8,
        init_cfg: dict | None = None,
    ) -> None:
        from mmseg.datasets.transforms import PackSegInputs
        from mmseg.models.segmentors.base import BaseSegmentor

        super().__init__(init_cfg)
        self.segmentor = MODELS.build(segmentor) if isinstance(segmentor, dict) else segmentor
        if not isinstance(self.segmentor, BaseSegmentor):
            raise TypeError(f"expected a segmentor of MMSegmentation, got {type(self.segmentor).__name__}")
        self.batch_size = batch_size
        self._transforms = [*build_transforms(transforms), PackSegInputs(meta_keys=("ori_shape", "img_shape"))]

    def forward(self, images: Sequence[Tensor]) -> list[Tensor]:
        """Logits of some frames.

        Args:
            images: ``(3, H, W)`` each, BGR, 0 to 255.

        Returns:
            For each ``(K, h, w)`` float32 before softmax, at the resolution of the network's input; K is at least 2.
        """
        packed = [transformed(frame_sample(image), self._transforms) for image in images]
        logits: dict[int, Tensor] = {}
        for group in equally_large(packed, self.batch_size):
            found = self._predict(torch.stack([packed[index]["inputs"] for index in group]))
            logits.update(zip(group, found, strict=True))
        return [logits[number].to(image.device) for number, image in enumerate(images)]

    def _predict(self, inputs: Tensor) -> Tensor:
        size = tuple(inputs.shape[-2:])
        samples = [SegDataSample(metainfo={"img_shape": size, "ori_shape": size}) for _ in inputs]
        data = self.segmentor.data_preprocessor({"inputs": list(inputs), "data_samples": samples})
        padded = tuple(data["inputs"].shape[-2:])
        metainfo = [{"img_shape": padded, "pad_shape": padded, "ori_shape": size} for _ in inputs]
        logits = self.segmentor.inference(data["inputs"], metainfo)[..., : size[0], : size[1]].float()
        if logits.shape[1] > 1:
            return logits
        # A binary head: background with logit 0, foreground beyond it where the sigmoid exceeds the head's threshold.
        threshold = torch.tensor(getattr(self.segmentor.decode_head, "threshold", None) or 0.5)
        return torch.cat([torch.zeros_like(logits), logits - threshold.logit().to(logits)], dim=1)
