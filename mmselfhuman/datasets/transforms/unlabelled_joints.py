"""Heatmap targets of persons some of whose joints nobody has labelled."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmselfhuman.registry import TRANSFORMS


@TRANSFORMS.register_module()
class IgnoreUnlabelledJoints(BaseTransform):
    """Learn nothing about an unlabelled joint, neither where it is nor where it is not.

    A joint that lacks in a pose becomes background of its heatmap. That is right for poses by hand, which lack what
    cannot be seen; pseudo-labels also lack what the network missed, and would teach it to miss that again. So within a
    person's box the heatmap of a joint that the person lacks is masked, but for the peaks that others have there.

    To be put after ``GenerateTarget`` (with heatmaps) and ``BottomupGetHeatmapMask``, whose mask of all joints
    ``(h, w)`` becomes one of each, ``(17, h, w)``: :class:`~mmselfhuman.models.pose.head.AssociativeEmbeddingHead`
    takes both, in one batch, too.

    Args:
        peak: Where the target is at least this, it is learned.
    """

    def __init__(self, peak: float = 0.01) -> None:
        self.peak = peak

    def transform(self, results: dict) -> dict:
        """Needs ``heatmaps``, ``heatmap_mask``, ``bbox`` (``(N, 4)`` (x1, y1, x2, y2) or ``(N, 4, 2)`` corners) and
        ``keypoints_visible (N, 17)`` in the network's input, and ``input_size``.
        """
        heatmaps = results["heatmaps"]
        height, width = heatmaps.shape[1:]
        scale = np.array([width, height]) / np.array(results["input_size"])
        learned = np.ones(heatmaps.shape, bool)
        for box, visible in zip(results["bbox"], results["keypoints_visible"], strict=True):
            if not (visible > 0).any():
                continue  # the mask has the whole person
            corners = np.reshape(box, (-1, 2)) * scale
            x1, y1 = np.floor(corners.min(0)).astype(int).clip(0)
            x2, y2 = np.ceil(corners.max(0)).astype(int).clip(0) + 1
            learned[np.asarray(visible) <= 0, y1:y2, x1:x2] = False
        results["heatmap_mask"] = results["heatmap_mask"] & (learned | (heatmaps >= self.peak))
        return results
