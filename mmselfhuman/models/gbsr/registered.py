"""Feature extractors of the skeleton graphs as components that a config can name."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mmselfhuman.models.gbsr.features import FourteenConvolutions
from mmselfhuman.registry import MODELS

MODELS.register_module(name="FourteenConvolutions", module=FourteenConvolutions)


@MODELS.register_module()
class BackboneJointFeatures(nn.Module):
    """One output of any registered backbone as the feature extractor ``f``.

    Args:
        backbone: Config of a backbone, of any OpenMMLab library that is installed (``type='mmseg.ResNetV1c'``, ...).
        out_index: Which of its outputs; 0 is the one of highest resolution.
        mean, std: The normalisation that the backbone was trained with, per channel (B, G, R), for images in [0, 255].
    """

    def __init__(
        self,
        backbone: Mapping[str, Any],
        out_index: int = 0,
        mean: tuple[float, float, float] = (103.53, 116.28, 123.675),
        std: tuple[float, float, float] = (57.375, 57.12, 58.395),
    ) -> None:
        super().__init__()
        self.backbone = MODELS.build(dict(backbone))
        self.out_index, self.mean, self.std = out_index, mean, std

    def forward(self, images: Tensor) -> Tensor:
        """``(B, 3, H, W)`` float in [0, 1], BGR -> ``(B, C, h, w)``."""
        mean, std = (images.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        outputs = self.backbone((255 * images - mean) / std)
        return outputs[self.out_index] if isinstance(outputs, tuple | list) else outputs
