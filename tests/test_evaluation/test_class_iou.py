"""IoU by class: MMSegmentation's means, counted pixel by pixel."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.evaluator import Evaluator
from mmseg.evaluation import IoUMetric

from mmselfhuman.evaluation import ClassIoUMetric
from mmselfhuman.evaluation.class_iou import confusion

CLASSES = ("background", "person", "dog")


def _sample(truth: list[list[int]], predicted: list[list[int]]) -> dict:
    return {
        "img_path": "a.png",
        "gt_sem_seg": {"data": torch.tensor([truth])},
        "pred_sem_seg": {"data": torch.tensor([predicted])},
    }


def _evaluate(metric: ClassIoUMetric | IoUMetric, *batches: list[dict]) -> dict:
    evaluator = Evaluator([metric])
    evaluator.dataset_meta = {"classes": CLASSES}
    for batch in batches:
        evaluator.process(batch, batch)
    return evaluator.evaluate(sum(map(len, batches)))


def test_counts_pixels_over_all_images_and_not_images() -> None:
    values = _evaluate(
        ClassIoUMetric(),
        [_sample([[0, 1, 1, 1]], [[0, 1, 1, 0]])],
        [_sample([[0, 0, 0, 1]], [[0, 0, 0, 0]]), _sample([[255, 1]], [[0, 1]])],
    )
    # background: 4 found, 4 annotated, 6 predicted; person: 3 found, 5 annotated, 3 predicted
    assert values["IoU_background"] == pytest.approx(100 * 4 / 6, abs=0.01)
    assert values["IoU_person"] == pytest.approx(100 * 3 / 5, abs=0.01)
    assert np.isnan(values["IoU_dog"])
    assert values["mIoU"] == pytest.approx(50 * (4 / 6 + 3 / 5), abs=0.01)
    assert values["aAcc"] == pytest.approx(100 * 7 / 9, abs=0.01)


def test_everything_ignored_is_nan() -> None:
    values = _evaluate(ClassIoUMetric(), [_sample([[255, 255]], [[0, 1]])])
    assert np.isnan(values["mIoU"])


def test_prefix_comes_before_every_name() -> None:
    assert "seg/IoU_person" in _evaluate(ClassIoUMetric(prefix="seg"), [_sample([[1]], [[1]])])


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_means_are_those_of_mmseg(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.choice([0, 1, 2, 255], size=(6, 7)).tolist()
    batch = [_sample(truth, rng.integers(0, 3, (6, 7)).tolist())]
    ours, theirs = _evaluate(ClassIoUMetric(), batch), _evaluate(IoUMetric(), batch)
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(float(value), abs=0.011)


def test_confusion_is_what_counting_one_by_one_gives() -> None:
    truth, predicted = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 0, 2])
    expected = np.zeros((3, 3), dtype=int)
    for t, p in zip(truth, predicted, strict=True):
        expected[t, p] += 1
    np.testing.assert_array_equal(confusion(truth, predicted, 3), expected)


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([0, 3], [0, 0], "annotated labels run from 0 to 3, expected 0 to 2"),
        ([0, 0], [-1, 0], "predicted labels run from -1 to 0, expected 0 to 2"),
    ],
)
def test_label_out_of_range_is_named(truth: list[int], predicted: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        confusion(np.array(truth), np.array(predicted), 3)


def test_prediction_of_another_size_names_the_image() -> None:
    with pytest.raises(ValueError, match=r"a\.png: 2 pixels predicted, but 1 annotated"):
        _evaluate(ClassIoUMetric(), [_sample([[1]], [[1, 1]])])
