"""The whole module: rounds over a clip, as a stream and as written down."""

import itertools

import pytest
import torch
from torch import Tensor

from mmselfhuman.models.flow import DISFlow, FlowEstimator, resize_flow
from mmselfhuman.models.flow.ops import compose, resize
from mmselfhuman.models.tpr import (
    CoarseFrame,
    FlowRefinement,
    FlowTrust,
    FrameReliability,
    Neighbour,
    TemporalParsingRefiner,
    VoteBalance,
    fuse,
    predicted_labels,
    unreliable_vectors,
)
from mmselfhuman.registry import MODELS
from mmselfhuman.structures import window_offsets

HEIGHT, WIDTH = 32, 48


class Known(FlowEstimator):
    """Hands out given flow, pair after pair, and counts."""

    def __init__(self, forward: list[Tensor], backward: list[Tensor]) -> None:
        super().__init__()
        self.flows = list(zip(forward, backward, strict=True))
        self.calls = 0

    def estimate(self, src, dst):
        self.calls += 1
        return torch.cat(self.flows[self.calls - 1])[: len(src)]


def noisy_clip(length: int, size=(HEIGHT, WIDTH), classes: int = 3):
    generator = torch.Generator().manual_seed(length)
    picture = torch.rand(3, HEIGHT, WIDTH, generator=generator) * 255
    images = [torch.roll(picture, t, dims=2).round().to(torch.uint8) for t in range(length)]
    logits = [torch.randn(classes, *size, generator=generator) * 3 for _ in range(length)]
    step = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    forward = [step + torch.randn(1, 2, HEIGHT, WIDTH, generator=generator) * 0.3 for _ in range(length - 1)]
    backward = [-step + torch.randn(1, 2, HEIGHT, WIDTH, generator=generator) * 0.3 for _ in range(length - 1)]
    return images, logits, forward, backward


def offline(
    images, logits, forward, backward, *, window, rounds, negate, trust, search, reliability, balance, anchor, stride
):
    """TPR on a whole clip at once, round by round, every pair and every frame in turn."""
    length, size = len(images), logits[0].shape[1:]
    images = [image[None].float() for image in images]
    grey = [0.114 * i[:, :1] + 0.587 * i[:, 1:2] + 0.299 * i[:, 2:] for i in images]
    small = [resize(image, (HEIGHT // stride, WIDTH // stride)) for image in images]
    forward = list(forward)
    backward = [-flow for flow in forward] if negate else list(backward)
    levels = [a[None] for a in logits]
    if balance:
        levels = list(map(VoteBalance(), levels))
    if reliability is not None:
        coarse = [
            CoarseFrame(resize(i, (HEIGHT // 8, WIDTH // 8)), resize(a.softmax(1), (HEIGHT // 8, WIDTH // 8)))
            for i, a in zip(images, levels, strict=True)
        ]
        for t in range(length - 1):
            coarse[t].to_next = resize_flow(forward[t], (HEIGHT // 8, WIDTH // 8))
            coarse[t + 1].to_previous = resize_flow(backward[t], (HEIGHT // 8, WIDTH // 8))
        levels = [a * resize(reliability(coarse, t), size) for t, a in enumerate(levels)]

    own = levels

    def chained(first, last):
        there = forward[first] if last > first else backward[first - 1]
        direction = 1 if last > first else -1
        for place in range(first + direction, last, direction):
            there = compose(there, forward[place] if direction > 0 else backward[place - 1])
        return there

    searched = torch.zeros(2, length - 1, 1, HEIGHT, WIDTH, dtype=torch.bool)
    for _ in range(rounds):
        if search is not None:
            labels = [predicted_labels(resize(a, (HEIGHT, WIDTH))) for a in levels]
            for t in range(length - 1):
                ahead, back = forward[t], backward[t]
                here, there = labels[t : t + 2]
                wrong = unreliable_vectors(ahead, here, there)
                wanted = wrong & ~searched[0, t]
                forward[t] = search(grey[t], grey[t + 1], ahead, back, wanted)
                searched[0, t] |= wrong
                wrong = unreliable_vectors(back, there, here)
                wanted = wrong & ~searched[1, t]
                backward[t] = search(grey[t + 1], grey[t], back, ahead, wanted)
                searched[1, t] |= wrong
                if negate:
                    backward[t] = -forward[t]
        fused = []
        for t in range(length):
            neighbours = []
            for other in (t + offset for offset in window_offsets(window) if 0 <= t + offset < length):
                flow, back = chained(t, other), chained(other, t)
                weight = None
                if trust is not None:
                    views = small[t], small[other], *(resize_flow(f, small[t].shape[2:]) for f in (flow, back))
                    weight = resize(trust(*views), size)
                neighbours.append(Neighbour(levels[other], resize_flow(flow, size), weight))
            total, weights = fuse(levels[t] + anchor * (own[t] - levels[t]), neighbours)
            fused.append(total / weights)
        levels = fused
    return [a[0] for a in levels]


@pytest.mark.parametrize(
    ("window", "rounds", "backward", "trusted", "searched", "rated"),
    [
        (3, 1, "estimate", False, False, False),
        (3, 3, "estimate", True, True, True),
        (3, 2, "negate", True, True, False),
        (2, 2, "estimate", True, True, True),
        (5, 2, "estimate", True, True, True),
        (7, 3, "negate", False, True, False),
        (4, 2, "estimate", True, True, False),
        (1, 1, "estimate", True, True, True),
    ],
)
@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (16, 24)])
def test_the_stream_equals_the_clip_refined_round_by_round(window, rounds, backward, trusted, searched, rated, size):
    images, logits, forward, back = noisy_clip(9, size)
    parts = {
        "trust": FlowTrust() if trusted else None,
        "search": FlowRefinement(4, 2, 1) if searched else None,
        "reliability": FrameReliability(reach=2, pool=2) if rated else None,
        "balance": rated,
        "anchor": 0.25 if trusted else 0.0,
    }
    estimator = Known(forward, back)
    refiner = TemporalParsingRefiner(estimator, window, rounds, backward, **parts, trust_stride=2)
    result = list(refiner(zip(images, logits, strict=True)))
    expected = offline(
        images, logits, forward, back, window=window, rounds=rounds, negate=backward == "negate", **parts, stride=2
    )
    assert [frame.index for frame in result] == list(range(9))
    for frame, truth in zip(result, expected, strict=True):
        assert torch.allclose(frame.logits, truth, atol=1e-4)
    assert estimator.calls == 8


def test_the_paper_on_three_frames_is_equation_5():
    images, logits, forward, backward = noisy_clip(3)
    plain = {"rounds": 1, "trust": None, "search": None, "reliability": None, "balance": False}
    refiner = TemporalParsingRefiner(Known(forward, backward), backward="negate", **plain)
    middle = list(refiner(zip(images, logits, strict=True)))[1].logits
    before = Neighbour(logits[0][None], -forward[0])
    after = Neighbour(logits[2][None], forward[1])
    total, weights = fuse(logits[1][None], [before, after])
    assert torch.allclose(middle, (total / weights)[0], atol=1e-6)


@pytest.mark.parametrize("length", [12, 40])
def test_frames_are_read_and_held_only_as_far_as_the_window_and_rounds_need(length):
    settings = {"window": 3, "rounds": 2, "reliability": FrameReliability(reach=2)}
    images, logits, forward, backward = noisy_clip(length, classes=2)
    read = itertools.count()
    lead = 0

    def frames():
        for pair in zip(images, logits, strict=True):
            next(read)
            yield pair

    estimator = Known(forward, backward)
    for frame in TemporalParsingRefiner(estimator, **settings)(frames()):
        lead = max(lead, int(repr(read)[6:-1]) - frame.index)
    # Two frames for the rating, one for each round, and the frame itself.
    assert lead == 2 + 2 + 1
    assert estimator.calls == length - 1


def walking(length: int, missed: tuple[int, ...] = ()) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """A textured person who walks 2 pixels a frame before a textured wall; what a network says; the truth."""
    generator = torch.Generator().manual_seed(5)
    size = (64, 96)
    wall, clothes = (resize(torch.rand(1, 3, 16, 24, generator=generator) * 255, size)[0] for _ in range(2))
    images, logits, truth = [], [], []
    for t in range(length):
        mask = torch.zeros(size)
        mask[16:56, 12 + 2 * t : 28 + 2 * t] = 1
        images.append((wall * (1 - mask) + torch.roll(clothes, 2 * t, dims=2) * mask).round().to(torch.uint8))
        truth.append(mask > 0)
        margin = torch.full(size, -9.0) if t in missed else 6 * mask - 3 + torch.randn(size, generator=generator)
        logits.append(torch.stack([-margin, margin]) / 2)
    return images, logits, truth


def overlap(logits: Tensor, truth: Tensor) -> float:
    mask = logits[1] > logits[0]
    return ((mask & truth).sum() / (mask | truth).sum()).item()


def test_a_person_missed_with_confidence_is_recovered_and_the_frames_beside_keep_theirs():
    images, logits, truth = walking(14, missed=(5, 6, 9))
    refined = list(TemporalParsingRefiner(DISFlow())(zip(images, logits, strict=True)))
    assert [overlap(logits[t], truth[t]) for t in (5, 6, 9)] == [0, 0, 0]
    for frame in refined:
        assert overlap(frame.logits, truth[frame.index]) > 0.85
        lost = frame.index in (5, 6, 9)
        assert (frame.reliability[0, 24:48, 16 + 2 * frame.index : 24 + 2 * frame.index].mean() < 0.3) == lost


def test_noise_on_masks_is_mended():
    images, _, truth = walking(10)
    generator = torch.Generator().manual_seed(1)
    logits = []
    for mask in truth:
        margin = 4.0 * mask - 2 + 2 * torch.randn(mask.shape, generator=generator)
        logits.append(torch.stack([-margin, margin]))
    for frame in TemporalParsingRefiner(DISFlow(), rounds=3)(zip(images, logits, strict=True)):
        assert overlap(frame.logits, truth[frame.index]) > overlap(logits[frame.index], truth[frame.index]) + 0.1


def test_a_person_does_not_walk_through_a_cut():
    images, logits, truth = walking(12)
    for t in range(6, 12):
        images[t] = 255 - images[t]
        logits[t] = logits[t].abs() * torch.tensor([1.0, -1.0]).view(2, 1, 1)
    for frame in TemporalParsingRefiner(DISFlow())(zip(images, logits, strict=True)):
        if frame.index < 6:
            assert overlap(frame.logits, truth[frame.index]) > 0.9
        else:
            assert (frame.logits[1] > frame.logits[0]).float().mean() < 0.01


def test_clips_of_no_and_of_one_frame():
    images, logits, *_ = noisy_clip(1)
    refiner = TemporalParsingRefiner(DISFlow())
    assert list(refiner([])) == []
    (frame,) = refiner([(images[0], logits[0])])
    assert torch.equal(predicted_labels(frame.logits[None]), predicted_labels(logits[0][None]))
    assert frame.unreliable is None


def test_half_precision_logits_and_other_sizes_are_taken():
    images, logits, forward, backward = noisy_clip(4, size=(9, 13))
    frames = list(
        TemporalParsingRefiner(Known(forward, backward))(zip(images, (a.half() for a in logits), strict=True))
    )
    assert frames[0].logits.shape == (3, 9, 13)
    assert frames[0].logits.dtype == torch.float32
    assert frames[0].reliability.shape == (1, 9, 13)


def test_wrong_frames_are_named():
    images, logits, forward, backward = noisy_clip(3)

    def run(image, activations):
        refiner = TemporalParsingRefiner(Known(forward, backward))
        list(refiner([(images[0], logits[0]), (image, activations)]))

    with pytest.raises(ValueError, match=r"frame 1: expected an image \(3, H, W\), got \(1, 32, 48\)"):
        run(images[1][:1], logits[1])
    with pytest.raises(ValueError, match=r"frame 1: image of shape \(3, 30, 48\), but \(3, 32, 48\)"):
        run(images[1][:, :30], logits[1])
    with pytest.raises(TypeError, match="frame 1: expected floating logits"):
        run(images[1], logits[1].int())
    with pytest.raises(ValueError, match=r"frame 1: expected logits .* of at least 2 classes"):
        run(images[1], logits[1][:1])
    with pytest.raises(ValueError, match=r"frame 1: logits of shape \(2, 32, 48\)"):
        run(images[1], logits[1][:2])
    with pytest.raises(ValueError, match="frame 1: its logits are not all finite"):
        run(images[1], logits[1] * torch.nan)


def test_wrong_settings_are_named():
    for setting in ({"backward": "guess"}, {"rounds": 0}, {"window": 0}, {"trust_stride": 0}, {"anchor": 2}):
        with pytest.raises(ValueError, match=next(iter(setting))):
            TemporalParsingRefiner(DISFlow(), **setting)


def test_the_refiner_and_its_parts_are_built_from_configs():
    built = MODELS.build(
        {
            "type": "mmselfhuman.TemporalParsingRefiner",
            "flow": {"type": "mmselfhuman.DISFlow", "preset": "fast"},
            "search": {"type": "mmselfhuman.FlowRefinement", "radius": 12},
            "trust": None,
            "window": 5,
        }
    )
    assert built.flow.preset == "fast"
    assert (built.search.radius, built.trust, built.reliability) == (12, None, FrameReliability())
    assert built.offsets == (-2, -1, 1, 2)
    assert MODELS.build({"type": "mmselfhuman.TemporalParsingRefiner"}).flow.preset == "medium"
