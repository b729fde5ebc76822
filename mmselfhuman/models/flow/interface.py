"""What every optical flow estimator promises."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class FlowEstimator(nn.Module, ABC):
    """Dense optical flow between two batches of images.

    Subclasses implement :meth:`estimate`; users call the module, which checks both sides of the contract.

    Convention:
        * Images are ``(N, 3, H, W)``, BGR, uint8 or floating in [0, 255].
        * Flow is ``(N, 2, H, W)`` float32 in pixels, (x, y): pixel ``p`` of ``src`` is seen at ``p + flow[p]`` in
          ``dst``. It has the images' size and is on their device.
        * Estimators are frozen: they run without gradient and in evaluation mode whatever the mode of their parent.

    Attributes:
        min_size: The least height and width in pixels that the estimator can work on.
    """

    min_size: int = 1

    def forward(self, src: Tensor, dst: Tensor) -> Tensor:
        """Flow from every image of ``src`` to the one of ``dst`` at the same place in the batch.

        Raises:
            TypeError: An argument is not a tensor of images: another type or dtype.
            ValueError: Another shape, the two differ in size, or the images are smaller than :attr:`min_size`.
        """
        self._check_images(src, dst)
        if not len(src):
            return torch.zeros(0, 2, *src.shape[2:], device=src.device)
        with torch.no_grad():
            flow = self.estimate(src, dst)
        expected = (src.shape[0], 2, *src.shape[2:])
        if tuple(flow.shape) != expected or flow.dtype != torch.float32:
            raise RuntimeError(
                f"{type(self).__name__} broke its promise: expected float32 flow {expected}, "
                f"got {flow.dtype} {tuple(flow.shape)}"
            )
        return flow

    def bidirectional(self, src: Tensor, dst: Tensor) -> tuple[Tensor, Tensor]:
        """Flow in both directions, estimated independently.

        Returns:
            ``src`` to ``dst``, laid out like ``src``, and ``dst`` to ``src``, laid out like ``dst``.
        """
        self._check_images(src, dst)
        forward, backward = self(torch.cat([src, dst]), torch.cat([dst, src])).chunk(2)
        return forward, backward

    @abstractmethod
    def estimate(self, src: Tensor, dst: Tensor) -> Tensor:
        """Flow of a checked batch that is not empty.

        Args:
            src, dst: ``(N, 3, H, W)``, BGR, uint8 or floating in [0, 255], of one size, dtype and device.

        Returns:
            ``(N, 2, H, W)`` float32 on the same device.
        """

    def train(self, mode: bool = True) -> "FlowEstimator":
        return super().train(False)

    def _check_images(self, src: Tensor, dst: Tensor) -> None:
        for name, images in (("src", src), ("dst", dst)):
            if not isinstance(images, Tensor):
                raise TypeError(f"{name}: expected a tensor (N, 3, H, W), got {type(images).__name__}")
            if images.dtype != torch.uint8 and not images.is_floating_point():
                raise TypeError(f"{name}: expected uint8 or floating images in [0, 255], got {images.dtype}")
            if images.ndim != 4 or images.shape[1] != 3:
                raise ValueError(f"{name}: expected images of shape (N, 3, H, W), got {tuple(images.shape)}")
            if min(images.shape[2:]) < self.min_size:
                raise ValueError(
                    f"{name}: {type(self).__name__} needs images of at least {self.min_size} x {self.min_size} pixels, "
                    f"got {images.shape[2]} x {images.shape[3]}"
                )
        if src.shape != dst.shape:
            raise ValueError(f"src {tuple(src.shape)} and dst {tuple(dst.shape)} differ in size")
        if src.dtype != dst.dtype or src.device != dst.device:
            raise TypeError(f"src ({src.dtype}, {src.device}) and dst ({dst.dtype}, {dst.device}) differ")
