"""Associative Embedding's targets, and poses from heatmaps and tags."""

import numpy as np
from mmpose.codecs import AssociativeEmbedding as FillingAssociativeEmbedding

from mmselfhuman.registry import KEYPOINT_CODECS


@KEYPOINT_CODECS.register_module()
class AssociativeEmbedding(FillingAssociativeEmbedding):
    """mmpose's codec, complete for training, and decoding only the joints that were detected.

    mmpose's does not say where in a sample its targets belong, so that they never reach the head. And it fills a
    person's missing joints with the best place for them in the heatmap, however weak: a joint that is hidden or outside
    the image comes back somewhere. Here it stays missing, with a score of exactly 0.
    """

    label_mapping_table = {"keypoint_indices": "keypoint_indices"}  # noqa: RUF012 (mmpose's own declaration)
    field_mapping_table = {"heatmaps": "heatmaps", "heatmap_mask": "heatmap_mask"}  # noqa: RUF012

    def _fill_missing_keypoints(
        self, keypoints: np.ndarray, keypoint_scores: np.ndarray, heatmaps: np.ndarray, tags: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return keypoints, keypoint_scores
