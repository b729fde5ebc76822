import numpy as np
import pytest

from mmselfhuman.models.gbsr.clip import JointAction, RefinedPerson
from mmselfhuman.visualization.poses import ACTION_COLOURS, draw_refined, error_curves, visibility_matrix


def refined(actions: np.ndarray, scores: float = 0.8) -> RefinedPerson:
    points = np.stack(np.meshgrid(np.arange(10, 190, 20), [20, 60]), -1).reshape(-1, 2)[:17]
    keypoints = np.column_stack([points, np.full(17, scores)]).astype(float)
    return RefinedPerson(keypoints, 3, 0, actions, ("",) * 17, np.ones(17))


def test_every_joint_has_the_colour_of_its_action():
    actions = np.array([JointAction(1 + m % 4) for m in range(17)])
    person = refined(actions)
    drawn = draw_refined(np.zeros((100, 200, 3), np.uint8), [person], legend=False)
    for m, (x, y, _) in enumerate(person.keypoints.astype(int)):
        assert tuple(drawn[y, x]) == ACTION_COLOURS[JointAction(actions[m])]


def test_absent_and_weak_joints_are_not_drawn_and_the_image_is_left_alone():
    image = np.zeros((100, 200, 3), np.uint8)
    assert not draw_refined(image, [refined(np.zeros(17, int))], legend=False).any()
    assert not draw_refined(image, [refined(np.ones(17, int), 0.1)], least_score=0.2, legend=False).any()
    assert draw_refined(image, [refined(np.ones(17, int))]).any()
    assert not image.any()


def test_visible_joints_are_dark_and_missing_persons_are_hatched():
    visibility = np.zeros((3, 17))
    visibility[1], visibility[2] = 1, np.nan
    drawn = visibility_matrix(visibility)
    white, blue = (drawn[20 + 5, 110 + 14 * t + 5].astype(int) for t in (0, 1))
    assert white.min() == 255
    assert blue[2] < 60 < blue[0]


def test_error_curves_of_both_colours_and_gaps():
    before, after = np.full((6, 17), 4.0), np.full((6, 17), 1.0)
    before[3] = np.nan
    drawn = error_curves(before, after)
    assert drawn.shape[2] == 3
    assert error_curves(np.full((6, 17), np.nan), np.full((6, 17), np.nan)).shape == drawn.shape
    assert (drawn != error_curves(after, after)).any()


@pytest.mark.parametrize("shape", [(17,), (3, 16)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"visibility must have shape \(T, 17\)"):
        visibility_matrix(np.zeros(shape))
    with pytest.raises(ValueError, match=r"before must have shape \(T, 17\)"):
        error_curves(np.zeros(shape), np.zeros((3, 17)))
    with pytest.raises(ValueError, match="errors of 3 frames before, but of 2 after"):
        error_curves(np.zeros((3, 17)), np.zeros((2, 17)))
