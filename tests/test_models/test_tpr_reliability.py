"""Frames that stand alone are found, and only they."""

import pytest
import torch

from mmselfhuman.models.tpr import CoarseFrame, FrameReliability

SIDE = 40


def person(step: int, present: bool = True, classes: int = 2) -> torch.Tensor:
    """Probabilities of somebody who stands 2 pixels further right in every frame."""
    mask = torch.zeros(SIDE, SIDE)
    if present:
        mask[10:30, 8 + 2 * step : 16 + 2 * step] = 1
    rest = [torch.full_like(mask, 0.02)] * (classes - 2)
    return torch.stack([0.95 - 0.9 * mask, 0.05 + 0.9 * mask, *rest])[None]


def clip(missed: set[int], length: int = 9, classes: int = 2) -> list[CoarseFrame]:
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, SIDE, SIDE, generator=generator) * 255
    flow = torch.tensor([2.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, SIDE, SIDE)
    return [
        CoarseFrame(torch.roll(picture, 2 * t, dims=3), person(t, t not in missed, classes), flow, -flow)
        for t in range(length)
    ]


def on_person(rating: torch.Tensor, step: int) -> float:
    return rating[0, 0, 12:28, 10 + 2 * step : 14 + 2 * step].mean().item()


def ratings(missed: set[int], **arguments) -> list[float]:
    frames = clip(missed, **arguments)
    return [on_person(FrameReliability()(frames, t), t) for t in range(len(frames))]


def test_a_steady_prediction_is_reliable_everywhere():
    frames = clip(set())
    assert min(FrameReliability()(frames, t).min().item() for t in range(len(frames))) > 0.9


@pytest.mark.parametrize("missed", [{4}, {3, 4}, {2, 4, 6}, {0}, {8}])
@pytest.mark.parametrize("classes", [2, 4])
def test_frames_that_miss_a_person_are_told_from_those_that_do_not(missed, classes):
    rated = ratings(missed, classes=classes)
    assert max(rated[t] for t in missed) < 0.05
    assert min(rated[t] for t in range(9) if t not in missed) > 0.8


def test_a_ghost_seen_once_is_unreliable_where_it_is():
    frames = clip(set())
    ghost = frames[4].probabilities[0, :, 2:8, 30:38]
    ghost[:] = torch.tensor([0.05, 0.95]).view(2, 1, 1)
    rating = FrameReliability(pool=3)(frames, 4)
    assert rating[0, 0, 3:7, 32:36].max() < 0.1
    assert on_person(rating, 4) > 0.9


def test_frames_behind_a_cut_are_not_asked():
    frames = clip(set())
    for t in (5, 6, 7, 8):
        frames[t] = CoarseFrame(
            255 - frames[t].image, person(t, present=False), frames[t].to_next, frames[t].to_previous
        )
    assert on_person(FrameReliability()(frames, 4), 4) > 0.8


def test_a_frame_alone_is_reliable():
    assert FrameReliability()(clip(set(), length=1), 0).min() == 1


def test_wrong_settings_are_named():
    for setting in ({"reach": 0}, {"stride": 0}, {"pool": 0.0}):
        with pytest.raises(ValueError, match=next(iter(setting))):
            FrameReliability(**setting)
