"""Annotations of every kind arrive as the same picture data."""

import numpy as np
import pytest
from pycocotools import mask as rle

from mmselfhuman.structures import MIRRORED, NUM_JOINTS, Person
from mmselfhuman.visualization import Annotated, person_colour
from mmselfhuman.visualization.annotated import IGNORED

IMAGE = np.full((20, 30, 3), 100, np.uint8)


class _Masks:
    """What of mmdet's mask structures is used."""

    def __init__(self, masks) -> None:
        self._masks = masks

    def to_ndarray(self) -> np.ndarray:
        return self._masks


def _square() -> np.ndarray:
    mask = np.zeros((20, 30), np.uint8)
    mask[5:10, 5:15] = 1
    return mask


def _keypoints(v: float = 2) -> np.ndarray:
    joints = np.arange(NUM_JOINTS)
    return np.stack([joints + 3, joints, np.full(NUM_JOINTS, v)], axis=1).astype(np.float32)


def test_persons_of_a_source_bring_masks_joints_boxes_and_ids():
    person = Person(1, (5, 5, 10, 5), 50, rle.encode(np.asfortranarray(_square())), keypoints=_keypoints(), track_id=8)
    crowd = Person(2, (0, 0, 30, 20), 600, crowd=True)
    annotated = Annotated.of_persons(IMAGE, [person, crowd])
    np.testing.assert_array_equal(annotated.masks, [_square(), np.zeros((20, 30))])
    np.testing.assert_array_equal(annotated.keypoints, [_keypoints(), np.zeros((NUM_JOINTS, 3))])
    np.testing.assert_array_equal(annotated.boxes, [[5, 5, 10, 5], [0, 0, 30, 20]])
    assert annotated.colours == [person_colour(8), IGNORED]


def test_an_image_without_persons_is_drawn_as_it_is():
    np.testing.assert_array_equal(Annotated.of_persons(IMAGE, []).draw(), IMAGE)
    np.testing.assert_array_equal(Annotated(IMAGE).draw(), IMAGE)


def test_a_label_map_becomes_a_mask_per_class_in_the_colours_of_its_palette():
    labels = _square() + 254 * np.flip(_square())
    metainfo = {"classes": ("background", "person"), "palette": [[0, 0, 0], [220, 20, 60]]}
    labels[labels == 254] = 255
    annotated = Annotated.of_results({"img": IMAGE, "gt_seg_map": labels}, metainfo)
    np.testing.assert_array_equal(annotated.masks, [labels == 1, labels == 255])
    assert annotated.colours == [(60, 20, 220), IGNORED]


def test_a_first_class_that_is_no_background_is_drawn():
    annotated = Annotated.of_results({"img": IMAGE, "gt_seg_map": _square()}, {"classes": ("road", "sky")})
    assert len(annotated.masks) == 2


def test_instances_bring_masks_and_corner_boxes():
    results = {
        "img": IMAGE.astype(np.float32) + 300,
        "gt_masks": _Masks(np.stack([_square(), _square()])),
        "gt_bboxes": np.array([[5, 5, 15, 10], [0, 0, 30, 20]], np.float32),
        "gt_ignore_flags": np.array([False, True]),
    }
    annotated = Annotated.of_results(results, {})
    np.testing.assert_array_equal(annotated.boxes, [[5, 5, 10, 5], [0, 0, 30, 20]])
    assert annotated.colours == [person_colour(0), IGNORED]
    assert annotated.image.max() == 255


def test_joints_are_those_of_the_transformed_image_with_the_annotated_visibility():
    annotation = {"keypoints": _keypoints(1).ravel().tolist()}
    annotation["keypoints"][2] = 2  # the nose is visible
    results = {
        "img": IMAGE,
        "keypoints": _keypoints()[None, :, :2],
        "transformed_keypoints": _keypoints()[None, :, :2] + 5,
        "keypoints_visible": np.ones((1, NUM_JOINTS)),
        "raw_ann_info": annotation,
    }
    (person,) = Annotated.of_results(results, {}).keypoints
    np.testing.assert_array_equal(person[:, :2], _keypoints()[:, :2] + 5)
    np.testing.assert_array_equal(person[:, 2], [2] + [1] * 16)


def test_the_visibility_of_a_flipped_person_changes_sides():
    annotation = {"keypoints": _keypoints(1).ravel().tolist()}
    annotation["keypoints"][3 * 9 + 2] = 2  # the left wrist is visible
    results = {
        "img": IMAGE,
        "keypoints": _keypoints()[None, :, :2],
        "keypoints_visible": np.ones((1, NUM_JOINTS, 2)),
        "raw_ann_info": [annotation],
        "flip": True,
        "flip_indices": list(MIRRORED),
    }
    (person,) = Annotated.of_results(results, {}).keypoints
    assert np.flatnonzero(person[:, 2] == 2).tolist() == [10]


def test_without_an_annotation_for_every_person_labelled_joints_are_visible():
    results = {
        "img": IMAGE,
        "keypoints": _keypoints()[None, :, :2],
        "keypoints_visible": np.array([[0] + [1] * 16]),
        "raw_ann_info": [{}, {}],
    }
    np.testing.assert_array_equal(Annotated.of_results(results, {}).keypoints[0, :, 2], [0] + [2] * 16)


def test_other_skeletons_are_left_out():
    results = {"img": IMAGE, "keypoints": np.zeros((1, 14, 2)), "keypoints_visible": np.ones((1, 14))}
    assert Annotated.of_results(results, {}).keypoints is None


def test_everything_scales_together():
    person = Annotated(IMAGE, _square()[None] > 0, keypoints=_keypoints()[None], boxes=np.array([[5, 5, 10, 5]]))
    large = person.scaled(3)
    assert large.image.shape == (60, 90, 3)
    np.testing.assert_array_equal(large.masks[0], np.kron(_square(), np.ones((3, 3))) > 0)
    np.testing.assert_array_equal(large.boxes, [[15, 15, 30, 15]])
    # The centre of pixel (3, 0) becomes the centre of the nine pixels that it grows into.
    np.testing.assert_array_equal(large.keypoints[0, 0], [10, 1, 2])
    assert person.scaled(1) is person
    assert Annotated(IMAGE).scaled(0.5).draw().shape == (10, 15, 3)


def test_a_pipeline_that_loads_no_image_is_named():
    with pytest.raises(ValueError, match=r"loads no image: its results are \['keypoints'\]"):
        Annotated.of_results({"keypoints": 1}, {})
