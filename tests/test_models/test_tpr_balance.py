"""Vote balance: against the definition pixel by pixel, and what it must not change."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmselfhuman.models.tpr import VoteBalance, predicted_labels


def written_down(frames: list[np.ndarray]) -> list[np.ndarray]:
    """The rule for arrays (K, h, w), one pixel after the other."""
    margins: dict[int, list[float]] = {}
    result = []
    for logits in frames:
        votes = {}
        for y, x in np.ndindex(logits.shape[1:]):
            ordered = np.sort(logits[:, y, x])
            votes[y, x] = int(np.argmax(logits[:, y, x])), ordered[-1] - ordered[-2]
            if votes[y, x][1] > 0 and y % 2 == 0 and x % 2 == 0:
                margins.setdefault(votes[y, x][0], []).append(votes[y, x][1])
        means = {label: np.mean(known) for label, known in margins.items()}
        balanced = logits.copy()
        for (y, x), (label, _) in votes.items():
            if label in means:
                balanced[:, y, x] *= np.mean(list(means.values())) / means[label]
        result.append(balanced)
    return result


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 4))
def test_votes_are_balanced_by_what_was_seen_so_far(seed, classes, length):
    generator = np.random.default_rng(seed)
    bias = generator.normal(size=(classes, 1, 1)) * 3
    frames = [np.round(generator.normal(size=(classes, 3, 4)) * 2 + bias, 1) for _ in range(length)]
    balance = VoteBalance()
    for logits, expected in zip(frames, written_down(frames), strict=True):
        logits = torch.from_numpy(logits)[None]
        balanced = balance(logits)
        assert torch.allclose(balanced[0], torch.from_numpy(expected), atol=1e-9)
        assert torch.equal(predicted_labels(balanced), predicted_labels(logits))


def test_a_timid_class_gets_as_much_to_say_as_a_loud_one():
    margin = torch.tensor([[-8.0, -8.0, 1.0, 1.0]])
    balanced = VoteBalance()(torch.stack([-margin / 2, margin / 2])[None])
    assert torch.allclose(balanced[0, 1] - balanced[0, 0], torch.tensor([[-4.5, -4.5, 4.5, 4.5]]))


def test_a_frame_without_any_opinion_stays_and_does_not_count():
    balance, silent = VoteBalance(), torch.zeros(1, 2, 2, 2)
    assert torch.equal(balance(silent), silent)
    loud = torch.tensor([[[[4.0]], [[0.0]]]])
    assert torch.equal(balance(loud), loud)
