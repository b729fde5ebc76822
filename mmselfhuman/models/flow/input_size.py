"""Images brought to a size that a network can work on, and its flow brought back."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

_LEAST_SIDE = 128  # below, the coarsest of RAFT's four correlation levels would be narrower than two cells


@dataclass(frozen=True)
class InputSize:
    """The least size that holds an image and suits a network.

    Attributes:
        multiple: Of which both sides must be multiples, in pixels.
        enlarge: Enlarge images to that size, bilinearly; otherwise pad them on all sides by repeating their border.
        least: Both sides have at least this many pixels.
    """

    multiple: int = 1
    enlarge: bool = False
    least: int = _LEAST_SIDE

    def fit(self, images: Tensor) -> Tensor:
        """``(N, C, H, W)`` floating images at that size."""
        height, width = self._fitting(images.shape[2:])
        if self.enlarge:
            return F.interpolate(images, (height, width), mode="bilinear", align_corners=False)
        top, left = self._corner(images.shape[2:])
        right, bottom = width - images.shape[3] - left, height - images.shape[2] - top
        return F.pad(images, (left, right, top, bottom), mode="replicate")

    def restore(self, flow: Tensor, size: tuple[int, int]) -> Tensor:
        """Flow ``(N, 2, h, w)`` of images that :meth:`fit` has made fit, in pixels of the images' own ``size``."""
        if self.enlarge:
            scale = flow.new_tensor([size[1] / flow.shape[3], size[0] / flow.shape[2]]).view(1, 2, 1, 1)
            return F.interpolate(flow, size, mode="bilinear", align_corners=False) * scale
        top, left = self._corner(size)
        return flow[:, :, top : top + size[0], left : left + size[1]]

    def _fitting(self, size: tuple[int, int]) -> tuple[int, int]:
        height, width = (-(-max(side, self.least) // self.multiple) * self.multiple for side in size)
        return height, width

    def _corner(self, size: tuple[int, int]) -> tuple[int, int]:
        height, width = self._fitting(size)
        return (height - size[0]) // 2, (width - size[1]) // 2
