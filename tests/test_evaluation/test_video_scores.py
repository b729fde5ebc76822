"""How the scores of frames become scores of videos, and what comes out on real ones."""

import math

import cv2
import numpy as np
import pytest

from mmselfhuman.evaluation import VideoMaskScores
from mmselfhuman.evaluation.reference_flow import estimate_flow, inconsistent_pixels
from mmselfhuman.evaluation.video_masks import boundary_accuracy, region_similarity


def test_frames_are_averaged_per_video_and_videos_among_each_other():
    truth = np.array([[1, 1, 0, 0]])
    scores = VideoMaskScores()
    for predicted in ([[1, 1, 0, 0]], [[1, 0, 0, 0]], [[0, 0, 1, 1]]):
        scores.add("long", np.array(predicted), truth)
    scores.add("short", truth, truth)
    assert {name: row["J"] for name, row in scores.per_sequence().items()} == {"long": 0.5, "short": 1}
    assert scores.mean()["J"] == 0.75


def test_what_was_not_measured_is_nan_and_does_not_enter_the_mean():
    mask = np.eye(4)
    scores = VideoMaskScores()
    scores.add("a", mask, mask)
    scores.add_pair("b", mask, mask, np.zeros((2, 4, 4)))
    rows = scores.per_sequence()
    assert math.isnan(rows["a"]["stability"])
    assert math.isnan(rows["b"]["J"])
    assert scores.mean() == {"J": 1, "F": 1, "J&F": 1, "stability": 1}
    assert all(math.isnan(score) for score in VideoMaskScores().mean().values())


def test_a_margin_leaves_out_what_is_far_from_the_annotated_person():
    truth = np.zeros((40, 60), bool)
    truth[10:30, 10:20] = True
    with_bystander = truth.copy()
    with_bystander[10:30, 45:55] = True
    everywhere, near = VideoMaskScores(), VideoMaskScores(margin=0.2)
    for scores in (everywhere, near):
        scores.add("a", with_bystander, truth)
        scores.add("b", truth, truth)
    assert everywhere.per_sequence()["a"]["J"] == 0.5
    assert near.mean() == pytest.approx({"J": 1, "F": 1, "J&F": 1, "stability": math.nan}, nan_ok=True)


def test_with_a_margin_nothing_is_hidden_where_nobody_is_annotated():
    scores = VideoMaskScores(margin=0.1)
    scores.add("a", np.ones((4, 4)), np.zeros((4, 4)))
    assert scores.mean()["J"] == 0


def test_the_boundary_tolerance_inside_a_margin_is_that_of_the_frame():
    truth = np.zeros((400, 400), bool)
    truth[100:140, 100:140] = True
    shifted = np.roll(truth, 4, axis=1)
    scores = VideoMaskScores(margin=0.5)
    scores.add("a", shifted, truth)
    assert scores.mean()["F"] == 1 == boundary_accuracy(shifted, truth)
    assert boundary_accuracy(shifted[80:160, 80:160], truth[80:160, 80:160]) < 1


def test_masks_of_another_size_are_named_by_their_video():
    with pytest.raises(ValueError, match=r"walk: mask of shape \(2, 2\), but the true one is \(3, 3\)"):
        VideoMaskScores(margin=0.1).add("walk", np.ones((2, 2)), np.ones((3, 3)))


def test_reference_flow_finds_a_shift_and_its_uncovered_strip_does_not_come_back():
    noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    texture = cv2.resize(noise, (160, 120), interpolation=cv2.INTER_CUBIC)
    moved = np.roll(texture, (2, 5), axis=(0, 1))
    flow, backward = estimate_flow(texture, moved), estimate_flow(moved, texture)
    inside = flow[:, 20:-20, 20:-20]
    np.testing.assert_allclose(np.median(inside, axis=(1, 2)), [5, 2], atol=0.2)
    lost = inconsistent_pixels(flow, backward)
    assert lost[20:-20, 20:-20].mean() < 0.02
    assert lost[:, -3:].mean() > 0.9


def test_region_similarity_of_real_predictions_is_that_of_the_documentation(shared_data):
    """All frames at full size, mean over the two videos: docs/videos.md."""
    folder = shared_data / "davis_people"
    means = {}
    for sequence in ("parkour", "dance-twirl"):
        similarities = []
        for path in sorted((folder / "Annotations" / sequence).glob("*.png")):
            predicted = cv2.imread(str(folder / "predictions" / "osvos" / sequence / path.name), cv2.IMREAD_GRAYSCALE)
            similarities.append(region_similarity(predicted, cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)))
        means[sequence] = np.mean(similarities)
    assert means == pytest.approx({"parkour": 0.7700, "dance-twirl": 0.6450}, abs=5e-5)
