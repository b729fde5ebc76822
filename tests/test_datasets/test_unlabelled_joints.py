"""What pseudo-labels lack is not learned as background."""

import numpy as np
import pytest

from mmselfhuman.datasets.transforms import IgnoreUnlabelledJoints


def sample() -> dict:
    """16 x 16 pixels, heatmaps of stride 2; left a person with all joints but 3, right one with all."""
    heatmaps = np.zeros((17, 8, 8), np.float32)
    heatmaps[3, 4, 6] = 1.0
    heatmaps[3, 4, 5] = 0.3
    visible = np.ones((2, 17), np.float32)
    visible[0, 3] = 0
    return {
        "heatmaps": heatmaps,
        "heatmap_mask": np.ones((8, 8), bool),
        "bbox": np.array([[2, 4, 11, 13], [10, 2, 15, 15]], np.float32),
        "keypoints_visible": visible,
        "input_size": (16, 16),
    }


@pytest.mark.parametrize("corners", [False, True])
def test_a_joint_that_a_person_lacks_is_ignored_within_its_box_but_for_peaks_of_others(corners: bool) -> None:
    results = sample()
    if corners:  # after mmpose's BottomupRandomAffine
        x1, y1, x2, y2 = results["bbox"].T
        results["bbox"] = np.stack([np.stack([x, y], 1) for x, y in ((x1, y1), (x1, y2), (x2, y1), (x2, y2))], 1)
    mask = IgnoreUnlabelledJoints()(results)["heatmap_mask"]
    assert mask.shape == (17, 8, 8)
    expected = np.ones((8, 8), bool)
    expected[2:8, 1:7] = False  # the box, in heatmap pixels, its border included
    expected[4, 6] = expected[4, 5] = True
    np.testing.assert_array_equal(mask[3], expected)
    assert mask[[joint for joint in range(17) if joint != 3]].all()


def test_what_is_masked_stays_so_and_persons_without_labels_add_nothing() -> None:
    results = sample()
    results["heatmap_mask"][0] = False
    results["keypoints_visible"][0] = 0
    mask = IgnoreUnlabelledJoints()(results)["heatmap_mask"]
    assert not mask[:, 0].any()
    assert mask[:, 1:].all()
