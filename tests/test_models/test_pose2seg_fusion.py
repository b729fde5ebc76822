"""Eq. (10): equal to a loop over pixels, alone and in competition."""

import itertools
import math

import pytest
import torch

from mmselfhuman.models.pose2seg import PersonFusion, Window, compact, person_margin

FRAME = (6, 7)
PLACES = ((0, 0, 5, 5), (2, 1, 5, 4), (1, 3, 3, 3))


def windows(classes: int = 2, seed: int = 0) -> list[Window]:
    rng = torch.Generator().manual_seed(seed)
    return [Window(x, y, 2 * torch.randn(classes, h, w, generator=rng)) for x, y, w, h in PLACES]


def seg_logits(classes: int = 2) -> torch.Tensor:
    return torch.randn(classes, *FRAME, generator=torch.Generator().manual_seed(9))


def softmax(logits: list[float]) -> list[float]:
    total = sum(math.exp(value) for value in logits)
    return [math.exp(value) / total for value in logits]


def holding(window: Window, x: int, y: int) -> bool:
    height, width = window.values.shape[-2:]
    return 0 <= x - window.x < width and 0 <= y - window.y < height


def background_and_person(
    fusion: PersonFusion, window: Window, seg: torch.Tensor | None, x: int, y: int
) -> tuple[float, float]:
    """Probabilities by eq. (10) at one pixel of the frame."""
    own = window.values[:, y - window.y, x - window.x].tolist()
    shared = [0.0] * len(own) if seg is None else seg[:, y, x].tolist()
    summed = [
        (fusion.seg_weight * s + fusion.pose2seg_weight * o) / fusion.temperature
        for s, o in zip(shared, own, strict=True)
    ]
    background, *parts = softmax(summed)
    return background, sum(parts)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("fusion", [PersonFusion(), PersonFusion(seg_weight=0.5, pose2seg_weight=2.0, temperature=3.0)])
def test_independent_fusion_equals_eq_10_at_every_pixel(fusion: PersonFusion, shared: bool, classes: int) -> None:
    seg, given = seg_logits(classes) if shared else None, windows(classes)
    for window, person in zip(given, fusion(given, FRAME, seg), strict=True):
        mask, inside = person.in_frame(FRAME), []
        for y, x in itertools.product(range(FRAME[0]), range(FRAME[1])):
            if not holding(window, x, y):
                assert not mask[y, x]
                continue
            background, probability = background_and_person(fusion, window, seg, x, y)
            assert bool(mask[y, x]) == (probability > background)
            assert float(person.probability[y - window.y, x - window.x]) == pytest.approx(probability, abs=1e-5)
            inside += [probability] if mask[y, x] else []
        assert person.score == pytest.approx(sum(inside) / len(inside), abs=1e-5)


def test_exclusive_fusion_equals_a_softmax_over_background_and_persons() -> None:
    fusion, seg, given = PersonFusion("exclusive", seg_weight=0.7), seg_logits(), windows()
    persons = list(fusion(given, FRAME, seg))
    for y, x in itertools.product(range(FRAME[0]), range(FRAME[1])):
        rivals = [index for index, window in enumerate(given) if holding(window, x, y)]
        odds = [background_and_person(fusion, given[index], seg, x, y) for index in rivals]
        nobody, *chances = softmax([0.0, *(math.log(p / b) for b, p in odds)])
        for index, chance in zip(rivals, chances, strict=True):
            window, person = given[index], persons[index]
            place = y - window.y, x - window.x
            assert float(person.probability[place]) == pytest.approx(chance, abs=1e-5)
            assert bool(person.window.values[place]) == (chance == max(*chances, nobody))


def test_exclusive_masks_never_overlap_and_cover_what_independent_ones_do() -> None:
    masks = {
        mode: torch.stack([person.in_frame(FRAME) for person in PersonFusion(mode)(windows(), FRAME, seg_logits())])
        for mode in ("independent", "exclusive")
    }
    assert masks["independent"].sum(0).max() > 1
    assert masks["exclusive"].sum(0).max() == 1
    assert torch.equal(masks["exclusive"].any(0), masks["independent"].any(0))


def test_of_equals_the_first_gets_the_pixel() -> None:
    twin = windows()[0]
    first, second = PersonFusion("exclusive")([twin, twin], FRAME)
    assert first.window.values.any()
    assert not second.window.values.any()
    assert second.score == 0


def test_one_person_is_the_same_in_both_modes() -> None:
    (alone,), (only,) = (
        list(PersonFusion(mode)(windows()[:1], FRAME, seg_logits())) for mode in ("independent", "exclusive")
    )
    assert torch.equal(alone.window.values, only.window.values)
    torch.testing.assert_close(alone.probability, only.probability)
    assert alone.score == pytest.approx(only.score)


def test_temperature_changes_scores_and_not_masks() -> None:
    sharp, soft = (list(PersonFusion(temperature=t)(windows(), FRAME, seg_logits())) for t in (1.0, 5.0))
    for a, b in zip(sharp, soft, strict=True):
        assert torch.equal(a.window.values, b.window.values)
        assert a.score > b.score


def test_independent_persons_come_one_by_one() -> None:
    fetched = []
    persons = PersonFusion()((fetched.append(w) or w for w in windows()), FRAME)
    next(persons)
    assert len(fetched) == 1


@pytest.mark.parametrize("mode", ["independent", "exclusive"])
def test_nobody_and_persons_outside_the_frame(mode: str) -> None:
    assert list(PersonFusion(mode)([], FRAME, seg_logits())) == []
    outside = Window(7, 2, torch.zeros(2, 3, 0))
    (person,) = PersonFusion(mode)([outside], FRAME, seg_logits())
    assert not person.in_frame(FRAME).any()
    assert person.score == 0


def test_the_margin_is_the_log_odds_of_a_person() -> None:
    probabilities = seg_logits(3).softmax(0)
    torch.testing.assert_close(person_margin(seg_logits(3)), (probabilities[1:].sum(0) / probabilities[0]).log())


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="mode is 'both'"):
        PersonFusion("both")
    with pytest.raises(ValueError, match="temperature must be positive"):
        PersonFusion(temperature=0)
    with pytest.raises(ValueError, match=r"expected \(K, 6, 7\)"):
        PersonFusion()(windows(), FRAME, torch.zeros(2, 7, 6))
    with pytest.raises(ValueError, match="Seg has 3 classes, Pose2Seg 2"):
        list(PersonFusion()(windows(), FRAME, seg_logits(3)))


@pytest.mark.parametrize("mode", ["independent", "exclusive"])
def test_differences_of_two_classes_are_enough(mode: str) -> None:
    fusion, seg, given = PersonFusion(mode, seg_weight=0.7, temperature=2.0), seg_logits(), windows()
    small = [Window(window.x, window.y, compact(window.values)) for window in given]
    assert {len(window.values) for window in small} == {1}
    for whole, half in zip(fusion(given, FRAME, seg), fusion(small, FRAME, compact(seg)), strict=True):
        torch.testing.assert_close(half.probability, whole.probability)
        assert torch.equal(half.window.values, whole.window.values)


def test_more_classes_stay_as_they_are() -> None:
    assert compact(seg_logits(4)).shape == (4, *FRAME)
