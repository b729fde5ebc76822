"""The feature extractor ``f`` of the skeleton graphs: 14 convolutional layers, as in the paper."""

import torch
from torch import Tensor, nn


class FourteenConvolutions(nn.Module):
    """Fourteen 3x3 convolutions in four stages, each followed by instance normalisation and ReLU.

    The paper gives the number of layers only; widths, normalisation and the stride are ours. Without trained weights
    the network is a fixed random projection of local texture: the weights are drawn from ``seed``, so that two runs, or
    two ranks, see the same features.

    Args:
        width: Channels of the first stage; the others have 2, 4 and 4 times as many.
        seed: Of the initial weights.
    """

    layers_per_stage = (2, 3, 4, 5)
    stride = 4

    def __init__(self, width: int = 16, seed: int = 0) -> None:
        super().__init__()
        self.out_channels = 4 * width
        widths, strides = (width, 2 * width, 4 * width, 4 * width), (1, 2, 2, 1)
        layers: list[nn.Module] = []
        channels = 3
        for out, stride, count in zip(widths, strides, self.layers_per_stage, strict=True):
            for index in range(count):
                layers += [
                    nn.Conv2d(channels, out, 3, stride if index == 0 else 1, padding=1, bias=False),
                    nn.InstanceNorm2d(out, affine=True),
                    nn.ReLU(inplace=True),
                ]
                channels = out
        self.layers = nn.Sequential(*layers)
        generator = torch.Generator().manual_seed(seed)
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                fan_in = layer.in_channels * 9
                nn.init.normal_(layer.weight, std=(2 / fan_in) ** 0.5, generator=generator)

    def forward(self, images: Tensor) -> Tensor:
        """Extract features.

        Args:
            images: ``(B, 3, H, W)`` float in [0, 1], BGR; at least 8 pixels high and wide.

        Returns:
            ``(B, 4 * width, ceil(H / 4), ceil(W / 4))``.
        """
        return self.layers(images)
