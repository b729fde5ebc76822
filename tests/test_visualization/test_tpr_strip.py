"""Strips of what TPR did: every panel in its place, whatever is known."""

import cv2
import numpy as np
import pytest
import torch

from mmselfhuman.models.flow import FlowEstimator
from mmselfhuman.models.tpr import TemporalParsingRefiner, logits_from_labels
from mmselfhuman.visualization import flow_to_colour
from mmselfhuman.visualization.tpr import (
    GAINED,
    LOST,
    PANELS,
    TPRFrame,
    add_tpr_strip,
    draw_changes,
    draw_labels,
    tpr_overlay,
    tpr_strip,
    with_flow_legend,
)
from mmselfhuman.visualization.tpr_frames import tpr_frames

HEIGHT, WIDTH = 48, 64


class Still(FlowEstimator):
    """Nothing moves."""

    def estimate(self, src, dst):
        return torch.zeros(len(src), 2, *src.shape[2:])


def labels(*columns: int) -> np.ndarray:
    """A person in the columns from the first to the second."""
    result = np.zeros((HEIGHT, WIDTH), np.uint8)
    result[8:40, columns[0] : columns[1]] = 1
    return result


def frame(index: int = 3, **known) -> TPRFrame:
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    return TPRFrame(index, image, labels(10, 30), labels(20, 40), **known)


def moving(index: int = 3) -> TPRFrame:
    flow = np.zeros((2, HEIGHT, WIDTH), np.float32)
    flow[0] = 4
    return frame(index, flow=flow, unreliable=labels(20, 30) > 0, reliability=np.ones((6, 8)))


def test_changes_are_green_where_won_and_red_where_lost():
    drawn = draw_changes(frame().image, labels(10, 30), labels(20, 40))
    assert (drawn[20, 35] == GAINED).all()
    assert (drawn[20, 15] == LOST).all()
    assert (drawn[20, 25] == 45).all(), "what stays is grey"


def test_unsure_pixels_are_grey_and_background_is_left_alone():
    unsure = labels(10, 30)
    unsure[:, 50:] = 255
    drawn = draw_labels(frame().image, unsure)
    assert (drawn[45, 5] == 90).all()
    assert np.ptp(drawn[20, 57].astype(int)) == 0
    assert np.ptp(drawn[20, 20].astype(int)) > 50


def test_the_legend_names_its_length_and_leaves_the_rest_alone():
    field = flow_to_colour(np.ones((2, 200, 300)), 10)
    drawn = with_flow_legend(field, 10)
    changed = (drawn != field).any(2)
    assert changed[150:, 250:].any()
    assert not changed[:, :200].any()
    assert not changed[:100].any()


def test_a_strip_has_a_row_for_each_thing_known_and_a_column_for_each_frame():
    one, two = (tpr_strip([frame(index) for index in range(count)]) for count in (1, 2))
    assert two.shape[0] == one.shape[0]
    assert two.shape[1] - one.shape[1] == WIDTH + 4
    known, all_known = tpr_strip([frame()]), tpr_strip([moving()])
    row = tpr_strip([frame()], ["frame", "network"]).shape[0] - tpr_strip([frame()], ["frame"]).shape[0]
    assert all_known.shape[0] - known.shape[0] == 3 * row, "flow, unreliable vectors and reliability are added"


def test_the_last_frame_of_a_video_has_black_panels_where_motion_is_unknown():
    strip = tpr_strip([moving(0), frame(1)], ["flow"])
    assert (strip[4 : 4 + HEIGHT, -4 - WIDTH : -4] == 0).all()


def test_frames_are_drawn_at_the_width_asked_for_and_vectors_grow_with_them():
    strip = tpr_strip([moving()], ["unreliable"], width=4 * WIDTH)
    assert strip.shape[1] == 4 * WIDTH + 8
    scaled = moving().scaled(2 * WIDTH)
    assert scaled.flow[:, 0, 0].tolist() == [8, 0]
    assert scaled.after.sum() == 4 * labels(20, 40).sum()
    assert scaled.unreliable.sum() == 4 * 32 * 10
    plain, large = (tpr_strip([moving()], ["flow"], width=width, max_flow=8) for width in (WIDTH, 2 * WIDTH))
    assert (plain[6, 6] == large[6, 6]).all(), "the colours mean the same at any width"


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"frame 3: expected unreliable of shape \(48, 64\), got \(2, 2\)"):
        frame(unreliable=np.zeros((2, 2), bool))
    with pytest.raises(ValueError, match="at least one frame"):
        tpr_strip([])
    with pytest.raises(ValueError, match=r"rows: expected some of frame, network.*got masks"):
        tpr_strip([frame()], ["masks"])


def test_the_overlay_shows_both_masks_side_by_side():
    drawn = tpr_overlay(frame())
    assert drawn.shape == (HEIGHT, 2 * WIDTH, 3)
    assert np.ptp(drawn[20, 15].astype(int)) > 50
    assert np.ptp(drawn[20, WIDTH + 15].astype(int)) == 0


def test_mmengine_s_backends_get_the_strip_in_rgb(tmp_path):
    visualization = pytest.importorskip("mmengine.visualization")
    visualizer = visualization.Visualizer(
        name="tpr-strip", vis_backends=[{"type": "LocalVisBackend"}], save_dir=str(tmp_path)
    )
    add_tpr_strip(visualizer, "tpr", [moving()], step=7, rows=["network"])
    [written] = tmp_path.rglob("tpr_7.png")
    np.testing.assert_array_equal(cv2.imread(str(written)), tpr_strip([moving()], ["network"]))


def test_tensorboard_gets_the_strip(tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    visualization = pytest.importorskip("mmengine.visualization")
    visualizer = visualization.Visualizer(
        name="tpr-board", vis_backends=[{"type": "TensorboardVisBackend"}], save_dir=str(tmp_path)
    )
    add_tpr_strip(visualizer, "tpr/clip", [moving()], step=7)
    visualizer.close()
    assert [path.stat().st_size > 1000 for path in tmp_path.rglob("events*")] == [True]


def clip(count: int = 5):
    """A still person whom the network misses in the middle frame."""
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (3, HEIGHT, WIDTH), dtype=np.uint8))
    for index in range(count):
        seen = labels(20, 40) * (index != count // 2)
        yield image, logits_from_labels(torch.from_numpy(seen.astype(np.int64))[None], 2)[0]


def test_the_frames_of_a_clip_come_with_their_labels_before_and_after():
    frames = list(tpr_frames(TemporalParsingRefiner(Still()), clip()))
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert [int(frame.before.sum()) for frame in frames] == [640, 640, 0, 640, 640]
    assert [int(frame.after.sum()) for frame in frames] == [640] * 5
    assert all(frame.flow is None and frame.unreliable is None for frame in frames)
    assert frames[2].reliability[24 // 8, 30 // 8] < frames[0].reliability[24 // 8, 30 // 8]


@pytest.mark.parametrize("backward", ["estimate", "negate"])
def test_the_motion_of_chosen_frames_is_explained(backward):
    frames = list(tpr_frames(TemporalParsingRefiner(Still(), backward=backward), clip(), explained={1, 4}))
    assert [frame.flow is not None for frame in frames] == [False, True, False, False, False], "frame 4 is the last"
    np.testing.assert_array_equal(frames[1].unreliable, labels(20, 40) > 0)
    assert frames[1].refined_flow.shape == (2, HEIGHT, WIDTH)
    assert set(PANELS) >= {"flow", "refined flow", "unreliable", "reliability"}
