"""What is drawn is where it belongs, in the colour that it stands for, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmselfhuman.structures import JOINT_INDEX, NUM_JOINTS
from mmselfhuman.visualization import draw_boxes, draw_masks, draw_skeletons, person_colour
from mmselfhuman.visualization.overlays import draw_mask
from mmselfhuman.visualization.palette import LEFT, RIGHT


def _grey(size: int = 80) -> np.ndarray:
    return np.full((size, size, 3), 100, np.uint8)


def _person(**joints: tuple[float, float, float]) -> np.ndarray:
    """``(1, 17, 3)`` with the named joints; the others are not labelled."""
    person = np.zeros((1, NUM_JOINTS, 3))
    for name, values in joints.items():
        person[0, JOINT_INDEX[name]] = values
    return person


def _changed(image: np.ndarray) -> np.ndarray:
    return (image != 100).any(axis=2)


class TestMasks:
    def test_the_inside_is_tinted_and_the_outside_beyond_the_outline_untouched(self):
        mask = np.zeros((1, 80, 80), bool)
        mask[0, 20:60, 30:50] = True
        drawn = draw_masks(_grey(), mask, colours=[(255, 0, 0)], opacity=0.5)
        np.testing.assert_array_equal(drawn[40, 40], [178, 50, 50])
        assert not _changed(drawn)[:18].any()
        assert not _changed(drawn)[:, :28].any()

    def test_the_outline_has_the_full_colour(self):
        mask = np.zeros((1, 80, 80), bool)
        mask[0, 20:60, 30:50] = True
        drawn = draw_masks(_grey(), mask, ids=[7])
        np.testing.assert_array_equal(drawn[40, 30], person_colour(7))

    def test_a_person_keeps_the_colour_of_its_id_whatever_its_place(self):
        masks = np.zeros((2, 80, 80), bool)
        masks[0, 10:30, 10:30] = masks[1, 50:70, 50:70] = True
        np.testing.assert_array_equal(draw_masks(_grey(), masks, [4, 9]), draw_masks(_grey(), masks[::-1], [9, 4]))

    @pytest.mark.parametrize(("y", "x"), [(20, 30), (0, 70)])
    def test_a_part_is_drawn_as_the_whole_mask_is(self, y: int, x: int):
        image = np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
        mask = np.zeros((1, 80, 80), bool)
        mask[0, y : y + 12, x : x + 10] = np.random.default_rng(1).random((12, 10)) < 0.7
        canvas = image.copy()
        draw_mask(canvas, mask[0, y : y + 12, x : x + 10], (x, y), (9, 80, 200))
        np.testing.assert_array_equal(canvas, draw_masks(image, mask, colours=[(9, 80, 200)]))
        assert (canvas != image).any()

    def test_no_masks_leave_a_copy_of_the_image(self):
        image = _grey()
        drawn = draw_masks(image, np.zeros((0, 80, 80)))
        np.testing.assert_array_equal(drawn, image)
        assert drawn is not image


class TestSkeletons:
    def test_left_and_right_limbs_have_their_own_colours(self):
        drawn = draw_skeletons(
            _grey(),
            _person(
                left_shoulder=(60, 20, 2), left_elbow=(60, 60, 2), right_shoulder=(20, 20, 2), right_elbow=(20, 60, 2)
            ),
        )
        np.testing.assert_array_equal(drawn[40, 60], LEFT)
        np.testing.assert_array_equal(drawn[40, 20], RIGHT)

    def test_a_visible_joint_is_filled_and_a_hidden_one_is_a_ring(self):
        visible = draw_skeletons(_grey(), _person(left_wrist=(40, 40, 2)))
        hidden = draw_skeletons(_grey(), _person(left_wrist=(40, 40, 1)))
        np.testing.assert_array_equal(visible[40, 40], LEFT)
        assert not _changed(hidden)[40, 40]
        np.testing.assert_array_equal(_changed(hidden) | _changed(visible), _changed(visible))

    def test_a_limb_to_a_hidden_joint_is_thinner(self):
        def width(v: float) -> int:
            drawn = draw_skeletons(_grey(), _person(left_shoulder=(40, 10, 2), left_elbow=(40, 70, v)))
            return int(_changed(drawn)[40].sum())

        assert 0 < width(1) < width(2)

    def test_joints_without_label_place_or_number_are_not_drawn(self):
        person = _person(left_wrist=(40, 40, 0), nose=(np.nan, 3, 2), left_hip=(3, np.inf, 2))
        np.testing.assert_array_equal(draw_skeletons(_grey(), person), _grey())

    def test_thresholds_read_the_third_column_as_scores(self):
        wrist = _person(left_wrist=(40, 40, 0.5))
        np.testing.assert_array_equal(draw_skeletons(_grey(), wrist), _grey())
        drawn = draw_skeletons(_grey(), wrist, hidden_from=0.1, visible_from=0.3)
        np.testing.assert_array_equal(drawn[40, 40], LEFT)

    @given(st.floats(), st.floats())
    def test_any_place_can_be_drawn(self, x, y):
        draw_skeletons(_grey(16), _person(left_wrist=(x, y, 2), left_elbow=(1, 1, 2)))


class TestBoxes:
    def test_a_box_runs_along_its_first_and_last_pixels(self):
        drawn = draw_boxes(_grey(), [[10, 20, 30, 40]], ids=[3])
        colour = person_colour(3)
        for y, x in [(40, 10), (40, 39), (20, 25), (59, 25)]:
            np.testing.assert_allclose(drawn[y, x], colour, atol=20)  # smoothed lines mix in some background
        assert not _changed(drawn)[40, 13:37].any()
        assert not _changed(drawn)[:18].any()

    def test_labels_and_odd_boxes_do_not_disturb(self):
        boxes = [[-50, -50, 500, 500], [np.nan, 0, 1, 1], [10, 0, 5, 5], [0, 0, 1e12, 1e12]]
        drawn = draw_boxes(_grey(), boxes, labels=["a", "b", "0.97", "d"])
        assert _changed(drawn)[2:12, 10:40].any()
        np.testing.assert_array_equal(draw_boxes(_grey(), []), _grey())


@given(st.lists(st.integers(0, 200), min_size=2, max_size=2, unique=True))
def test_two_persons_have_two_colours(numbers):
    assert person_colour(numbers[0]) != person_colour(numbers[1])


@pytest.mark.parametrize(
    ("draw", "arguments", "culprit"),
    [
        (draw_masks, (np.zeros((4, 4)), np.zeros((1, 4, 4))), r"image of shape \(H, W, 3\).*\(4, 4\)"),
        (draw_masks, (_grey().astype(float), np.zeros((1, 80, 80))), "float64"),
        (draw_masks, (_grey(), np.zeros((80, 80))), r"\(N, 80, 80\), got \(80, 80\)"),
        (draw_masks, (_grey(), np.zeros((2, 80, 80)), [1]), "1 ids were given for 2"),
        (draw_masks, (_grey(), np.zeros((2, 80, 80)), None, [(0, 0, 0)]), "1 colours were given for 2"),
        (draw_skeletons, (_grey(), np.zeros((17, 3))), r"\(N, 17, 3\), got \(17, 3\)"),
        (draw_boxes, (_grey(), [[1, 2, 3]]), r"\(N, 4\), got \(1, 3\)"),
        (draw_boxes, (_grey(), [[1, 2, 3, 4]], None, ["a", "b"]), "2 labels were given for 1"),
    ],
)
def test_shapes_that_do_not_fit_are_named(draw, arguments, culprit):
    with pytest.raises(ValueError, match=culprit):
        draw(*arguments)
