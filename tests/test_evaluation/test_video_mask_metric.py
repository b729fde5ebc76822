"""J and F of videos, as a Runner's metric."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from mmselfhuman.evaluation import VideoMaskMetric, VideoMaskScores

PERSON = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def _sample(video: str, truth: list[list[int]], predicted: list[list[int]]) -> dict:
    return {
        "img_path": f"frames/{video}/00000.jpg",
        "gt_sem_seg": {"data": torch.tensor([truth])},
        "pred_sem_seg": {"data": torch.tensor([predicted])},
    }


def _evaluate(samples: list[dict], **settings) -> dict[str, float]:
    evaluator = Evaluator([VideoMaskMetric(**settings)])
    evaluator.process(samples, samples)
    return evaluator.evaluate(len(samples))


def test_frames_are_averaged_by_video_and_then_videos() -> None:
    half, none = [[0] * 4, [0, 1, 0, 0], [0, 1, 0, 0], [0] * 4], [[0] * 4] * 4
    samples = [_sample("a", PERSON, PERSON), _sample("a", PERSON, none), _sample("b", PERSON, half)]
    samples += [_sample("a", PERSON, PERSON), _sample("a", PERSON, PERSON)]
    values = _evaluate(samples)
    assert (values["J_a"], values["J_b"], values["J"]) == (75, 50, 62.5)


def test_f_is_that_of_the_scores() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = (rng.integers(0, 2, (40, 60)) for _ in range(2))
    scores = VideoMaskScores()
    scores.add("a", predicted, truth)
    values = _evaluate([_sample("a", truth.tolist(), predicted.tolist())])
    assert values["F"] == pytest.approx(100 * scores.mean()["F"], abs=0.01)


def test_what_is_far_from_the_annotated_person_counts_only_without_margin() -> None:
    truth = [[1, 1, 0, 0, 0, 0, 0, 0]]
    predicted = [[1, 1, 0, 0, 0, 0, 1, 1]]
    assert _evaluate([_sample("a", truth, predicted)])["J"] == 50
    assert _evaluate([_sample("a", truth, predicted)], margin=0.5, prefix="near")["near/J"] == 100


def test_ignored_pixels_are_left_out() -> None:
    assert _evaluate([_sample("a", [[1, 255, 255, 0]], [[1, 1, 0, 0]])])["J"] == 100
