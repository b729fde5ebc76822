"""Dense inverse search: classical flow, without weights, in OpenCV."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import torch
from torch import Tensor

from mmselfhuman.models.flow.interface import FlowEstimator

PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


class DISFlow(FlowEstimator):
    """Kroeger et al., Fast Optical Flow using Dense Inverse Search, ECCV 2016, on the images' luminance.

    Runs on the CPU; images on another device are copied there and the flow back.

    Args:
        preset: ``'ultrafast'``, ``'fast'`` or ``'medium'``, OpenCV's own settings.
        threads: How many threads OpenCV may use meanwhile; its current number if ``None``. OpenCV's setting is that of
            the whole process: it is set for the time of the estimate and then put back.

    Raises:
        ValueError: Unknown preset, or fewer than one thread.
    """

    min_size = 12

    def __init__(self, preset: str = "medium", threads: int | None = None) -> None:
        super().__init__()
        if preset not in PRESETS:
            raise ValueError(f"preset: expected one of {', '.join(PRESETS)}, got {preset!r}")
        if threads is not None and threads < 1:
            raise ValueError(f"threads: expected at least 1 or None, got {threads}")
        self.preset = preset
        self.threads = threads

    def estimate(self, src: Tensor, dst: Tensor) -> Tensor:
        # Created anew for each batch: OpenCV's object keeps buffers, so it can be neither copied nor shared by threads.
        estimator = cv2.DISOpticalFlow_create(PRESETS[self.preset])
        with _opencv_threads(self.threads):
            flows = [
                torch.from_numpy(estimator.calc(_luminance(first), _luminance(second), None)).permute(2, 0, 1)
                for first, second in zip(src, dst, strict=True)
            ]
        return torch.stack(flows)[:, :, : src.shape[2]].contiguous().to(src.device)


def _luminance(image: Tensor) -> np.ndarray:
    if image.dtype != torch.uint8:
        image = image.round().clamp(0, 255).to(torch.uint8)
    grey = cv2.cvtColor(image.permute(1, 2, 0).contiguous().cpu().numpy(), cv2.COLOR_BGR2GRAY)
    missing = _needed_height(grey.shape[1]) - grey.shape[0]
    return cv2.copyMakeBorder(grey, 0, missing, 0, 0, cv2.BORDER_REPLICATE) if missing > 0 else grey


def _needed_height(width: int) -> int:
    """The height from which on OpenCV's coarsest level holds a patch of 8 pixels.

    OpenCV chooses that level by the width alone; on images much wider than high it reads beyond its memory and crashes.
    """
    return 8 * 2 ** max(0, math.floor(math.log2(2 * width / 40)))


@contextmanager
def _opencv_threads(number: int | None) -> Iterator[None]:
    before = cv2.getNumThreads()
    if number is not None:
        cv2.setNumThreads(number)
    try:
        yield
    finally:
        if number is not None:
            cv2.setNumThreads(before)
