"""Pictures that fail: blur and noise."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmselfhuman.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SpoilImage(BaseTransform):
    """Blur an image by defocus or by a shaken camera, and add noise.

    Changes ``img`` ((H, W, 3) uint8).

    Args:
        blur: Chance of a blur; half of the blurs are defocus, half are shake.
        extent: How far a blur reaches at most, as a share of the image's height.
        noise: The noise's standard deviation is between 0 and this, in grey levels.
    """

    def __init__(self, blur: float = 0.3, extent: float = 0.1, noise: float = 8.0) -> None:
        self.blur, self.extent, self.noise = blur, extent, noise

    def transform(self, results: dict) -> dict:
        """Spoil the image, by chance."""
        rng = np.random.default_rng(np.random.randint(2**31))  # noqa: NPY002 (MMEngine seeds NumPy's global state)
        image = results["img"]
        if rng.random() < self.blur:
            image = cv2.filter2D(image, -1, self._kernel(image.shape[0], rng), borderType=cv2.BORDER_REFLECT)
        noise = rng.normal(0, rng.uniform(0, self.noise), image.shape).astype(np.float32)
        results["img"] = (image + noise).round().clip(0, 255).astype(np.uint8)
        return results

    def _kernel(self, height: int, rng: np.random.Generator) -> np.ndarray:
        extent = max(1.0, rng.random() * self.extent * height)
        half = int(np.ceil(extent / 2))
        y, x = np.mgrid[-half : half + 1, -half : half + 1]
        if rng.random() < 0.5:
            weights = np.clip(extent / 4 + 0.5 - np.hypot(x, y), 0, 1)
        else:
            angle = rng.uniform(0, np.pi)
            along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
            weights = np.clip(extent / 2 + 0.5 - abs(along), 0, 1) * np.clip(1 - abs(across), 0, 1)
        return weights / weights.sum()
