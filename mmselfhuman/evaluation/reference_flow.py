"""The motion that temporal stability is measured along where the true motion is unknown.

One fixed estimator, so that numbers compare across methods whatever flow these use themselves: dense inverse search,
preset medium, which needs no weights.
"""

import numpy as np
import torch
from torch import Tensor

from mmselfhuman.models.flow import DISFlow, occlusion


def estimate_flow(image: np.ndarray, next_image: np.ndarray) -> np.ndarray:
    """Dense optical flow between two frames.

    Args:
        image, next_image: ``(H, W, 3)`` uint8, BGR, at least 12 pixels high and wide.

    Returns:
        ``(2, H, W)`` float32 in pixels, (x, y), from ``image`` to ``next_image``.
    """
    return DISFlow("medium")(_batch(image.transpose(2, 0, 1)), _batch(next_image.transpose(2, 0, 1)))[0].numpy()


def inconsistent_pixels(flow: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Pixels that do not come back (:func:`~mmselfhuman.models.flow.ops.occlusion`).

    Most of them are hidden in the next frame, or their motion is wrong.

    Args:
        flow: ``(2, H, W)`` float32 in pixels, (x, y), from frame t to frame t + 1.
        backward: ``(2, H, W)``, from frame t + 1 to frame t.

    Returns:
        ``(H, W)`` bool.
    """
    return occlusion(_batch(flow), _batch(backward))[0, 0].numpy()


def _batch(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))[None]
