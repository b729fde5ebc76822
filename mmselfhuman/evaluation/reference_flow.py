"""The motion that temporal stability is measured along where the true motion is unknown.

One fixed estimator, so that numbers compare across methods whatever flow these use themselves: OpenCV's dense inverse
    search
(Kroeger et al., Fast Optical Flow using Dense Inverse Search, ECCV 2016), preset medium, which needs no weights.
"""

import cv2
import numpy as np


def estimate_flow(image: np.ndarray, next_image: np.ndarray) -> np.ndarray:
    """Dense optical flow between two frames.

    Args:
        image, next_image: ``(H, W, 3)`` uint8, BGR, at least 12 pixels high and wide.

    Returns:
        ``(2, H, W)`` float32 in pixels, (x, y), from ``image`` to ``next_image``.
    """
    grey, next_grey = (cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in (image, next_image))
    estimator = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.ascontiguousarray(estimator.calc(grey, next_grey, None).transpose(2, 0, 1))


def inconsistent_pixels(flow: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Pixels that do not come back: most of them are hidden in the next frame, or their motion is wrong.

    With the forward vector f of a pixel p and the backward vector b at p + f, p is inconsistent if ``|f + b|^2 > 0.01
    (|f|^2 + |b|^2) + 0.5``, or if p + f is outside the image (Sundaram et al., Dense Point Trajectories by
    GPU-accelerated Large Displacement Optical Flow, ECCV 2010).

    Args:
        flow: ``(2, H, W)`` in pixels, (x, y), from frame t to frame t + 1.
        backward: ``(2, H, W)``, from frame t + 1 to frame t.

    Returns:
        ``(H, W)`` bool.
    """
    height, width = flow.shape[1:]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    there_x, there_y = x + flow[0], y + flow[1]
    back = np.stack([cv2.remap(part, there_x, there_y, cv2.INTER_LINEAR) for part in backward.astype(np.float32)])
    outside = (there_x < 0) | (there_y < 0) | (there_x > width - 1) | (there_y > height - 1)
    lengths = (flow**2).sum(axis=0) + (back**2).sum(axis=0)
    return outside | (((flow + back) ** 2).sum(axis=0) > 0.01 * lengths + 0.5)
