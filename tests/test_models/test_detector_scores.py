"""Scores of masks, duplicates and the stopwatch, on hand-made cases."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from mmselfhuman.models.detectors import (
    FramePoses,
    MaskScore,
    Stopwatch,
    distinct_masks,
    distinct_poses,
    fit_mask_score,
    matched_ious,
    stopwatch,
)


def box_mask(x: int, y: int, w: int, h: int) -> dict:
    frame = np.zeros((40, 40), np.uint8)
    frame[y : y + h, x : x + w] = 1
    return coco_mask.encode(np.asfortranarray(frame))


class TestMaskScore:
    def test_uncalibrated_it_multiplies_odds(self) -> None:
        # odds 4 and 3 make 12, probability 12 / 13
        assert MaskScore()(torch.tensor([0.8]), torch.tensor([0.75])).item() == pytest.approx(12 / 13)
        # a pose of odds 1 leaves the mask's
        assert MaskScore()(torch.tensor([0.5]), torch.tensor([0.75])).item() == pytest.approx(0.75)

    @given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
    def test_it_rises_with_both(self, values: list[float]) -> None:
        values = torch.tensor(sorted(values))
        for pose, mask in ((values, torch.full_like(values, 0.4)), (torch.full_like(values, 0.4), values)):
            scores = MaskScore()(pose, mask)
            assert (scores.diff() >= -1e-6).all()
            assert scores.isfinite().all()

    @settings(max_examples=15, deadline=None)
    @example(-1.0, 0.25, 0.25, 1)  # whole steps, however short, went round in circles
    @given(st.floats(-2, 2), st.floats(0.2, 2), st.floats(0.2, 2), st.integers(0, 99))
    def test_fitting_finds_the_numbers_behind_the_data(self, bias: float, pose: float, mask: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        p, m = rng.uniform(0.05, 0.95, (2, 400))
        truth = MaskScore(bias, pose, mask)
        ious = truth(torch.from_numpy(p), torch.from_numpy(m)).numpy()
        found = fit_mask_score(p, m, ious, ridge=0)
        np.testing.assert_allclose([found.bias, found.pose, found.mask], [bias, pose, mask], atol=0.02)

    def test_equal_poses_leave_their_weight_where_it_was(self) -> None:
        m = np.linspace(0.5, 0.99, 50)
        found = fit_mask_score(np.ones(50), m, m**2)
        predicted = found(torch.ones(50), torch.from_numpy(m)).numpy()
        assert np.abs(predicted - m**2).mean() < 0.05
        assert np.all(np.diff(predicted) > 0)

    def test_nobody_cannot_be_fitted(self) -> None:
        with pytest.raises(ValueError, match="at least one"):
            fit_mask_score(np.zeros(0), np.zeros(0), np.zeros(0))


class TestMatchedIoUs:
    def test_two_predictions_of_one_person_are_worth_one(self) -> None:
        person, near = box_mask(0, 0, 10, 10), box_mask(0, 0, 10, 5)
        assert matched_ious([near, person], [person]).tolist() == [0, 1]

    def test_the_total_counts(self) -> None:
        first, second = box_mask(0, 0, 10, 10), box_mask(20, 0, 10, 10)
        assert matched_ious([second, box_mask(0, 0, 5, 10)], [first, second]).tolist() == [1, 0.5]

    @pytest.mark.parametrize(("found", "there"), [(0, 2), (2, 0), (0, 0)])
    def test_nobody(self, found: int, there: int) -> None:
        masks = [box_mask(0, 0, 5, 5)] * 2
        assert matched_ious(masks[:found], masks[:there]).tolist() == [0] * found


class TestDuplicates:
    def test_the_best_of_equal_masks_stays(self) -> None:
        masks = [box_mask(0, 0, 10, 10), box_mask(0, 0, 10, 9), box_mask(20, 0, 5, 5)]
        kept = distinct_masks(masks, torch.tensor([0.2, 0.9, 0.5]), 0.7)
        assert kept.tolist() == [1, 2]
        assert distinct_masks(masks, torch.tensor([0.2, 0.9, 0.5]), 0.95).tolist() == [1, 2, 0]

    def test_who_is_like_somebody_left_out_may_stay(self) -> None:
        # b is like a and c is like b, but c is not like a
        a, b, c = (box_mask(x, 0, 10, 10) for x in (0, 2, 4))
        assert distinct_masks([a, b, c], torch.tensor([0.9, 0.8, 0.7]), 0.6).tolist() == [0, 2]

    def test_poses(self) -> None:
        pose = torch.rand(17, 3) * 50
        pose[:, 2] = 1
        moved, other = pose.clone(), pose.clone()
        moved[:, 0] += 0.1
        other[:, :2] = 100 - other[:, :2]
        kept = distinct_poses(torch.stack([pose, other, moved]), torch.tensor([0.5, 0.6, 0.7]), 0.9)
        assert kept.tolist() == [2, 1]
        assert len(distinct_poses(torch.zeros(0, 17, 3), torch.zeros(0), 0.9)) == 0


def test_poses_of_other_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"scores are \(3,\), expected \(2,\)"):
        FramePoses(torch.zeros(2, 17, 3), torch.zeros(3))


def test_each_second_belongs_to_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1.0, 4.0, 6.0])  # outer begins, inner begins, inner ends, outer ends
    monkeypatch.setattr(stopwatch, "time", SimpleNamespace(perf_counter=lambda: next(moments)))
    watch = Stopwatch()
    with watch("outer"), watch("inner"):
        pass
    watch.frames = 2
    assert watch.seconds == {"inner": 3.0, "outer": 3.0}
    assert "2 frames in 6.0 s" in watch.table()
    watch.reset()
    assert "0.00 frames/s" in watch.table()
