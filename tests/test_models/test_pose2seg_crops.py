"""Crops of persons, and back: places, sizes, borders, and persons of whom little or nothing is seen."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from mmselfhuman.models.pose2seg import (
    PersonCrops,
    Window,
    crop_skeleton_maps,
    cut,
    draw_skeleton_maps,
    paste,
    paste_windows,
    person_crops,
    person_regions,
    to_crop,
    window_to_rle,
)
from mmselfhuman.models.pose2seg.crops import _STANDING, expected_joints

FRAME = (40, 60)


def pose(*points: tuple[float, float]) -> torch.Tensor:
    result = torch.zeros(1, 17, 3)
    result[0, : len(points)] = torch.tensor([(x, y, 1.0) for x, y in points]) if points else torch.zeros(0, 3)
    return result


def crops_of(regions: torch.Tensor, size: tuple[int, int] = (8, 8)) -> PersonCrops:
    return PersonCrops(torch.zeros(len(regions), 3, *size), regions)


class TestRegions:
    def test_a_region_is_the_joints_extent_with_context_made_square(self) -> None:
        region = person_regions(pose((10, 5), (19, 24)), FRAME, context=1.5, min_side=1)
        # Joints extend over the pixels 10 to 19 and 5 to 24, from edge to edge (10, 5) to (20, 25).
        torch.testing.assert_close(region, torch.tensor([[15.0 - 15, 15 - 15, 30, 30]]))

    def test_the_aspect_is_kept_by_lengthening(self) -> None:
        region = person_regions(pose((10, 5), (19, 24)), FRAME, context=1.0, aspect=2.0, min_side=1)
        assert region[0, 2:].tolist() == [40, 20]

    def test_a_box_takes_the_place_of_the_joints(self) -> None:
        boxes = torch.tensor([[4.0, 6, 20, 10], [0, 0, 0, 0]])
        region = person_regions(pose((30, 30)).repeat(2, 1, 1), FRAME, boxes, context=1.0, min_side=8)
        assert region.tolist() == [[4, 1, 20, 20], [26.5, 26.5, 8, 8]]

    def test_nobody_gets_the_whole_frame(self) -> None:
        assert person_regions(pose(), FRAME, context=3.0).tolist() == [[0, -10, 60, 60]]

    def test_places_of_joints_that_are_not_there_do_not_matter(self) -> None:
        person = pose((10, 5), (19, 24))
        person[0, 2:, :2] = torch.nan
        assert torch.equal(person_regions(person, FRAME), person_regions(pose((10, 5), (19, 24)), FRAME))

    @pytest.mark.parametrize("turn", [0.0, 1.1, math.pi])
    @pytest.mark.parametrize("mirrored", [False, True])
    def test_what_is_missing_is_expected_where_a_standing_person_has_it(self, turn: float, mirrored: bool) -> None:
        standing = torch.tensor(_STANDING) * torch.tensor([-1.0 if mirrored else 1.0, 1.0])
        cos, sin = math.cos(turn), math.sin(turn)
        places = 50 * standing @ torch.tensor([[cos, sin], [-sin, cos]]) + torch.tensor([300.0, 200.0])
        person = torch.cat([places, torch.ones(17, 1)], dim=1)[None]
        partly = person.clone()
        partly[0, [0, 6, 9, 10, 13, 14, 15, 16], 2] = 0
        partly[0, [15, 16], :2] = torch.nan
        torch.testing.assert_close(expected_joints(partly)[0], places, atol=1e-3, rtol=0)
        whole, part = (person_regions(one, (1000, 1000), whole=True) for one in (person, partly))
        torch.testing.assert_close(whole, part, atol=1e-2, rtol=0)
        torch.testing.assert_close(whole, person_regions(person, (1000, 1000)))

    def test_room_for_what_is_missing_ends_with_the_frame(self) -> None:
        places = 60 * torch.tensor(_STANDING) + torch.tensor([30.0, 5.0])
        person = torch.cat([places, torch.ones(17, 1)], dim=1)[None]
        person[0, 13:, 2] = 0
        region = person_regions(person, (40, 60), context=1.0, whole=True, min_side=1.0)[0]
        assert float(region[1] + region[3]) == pytest.approx(40)

    def test_three_joints_say_nothing_of_the_others(self) -> None:
        person = pose((10, 5), (19, 24), (12, 12))
        assert expected_joints(person).isnan().all()
        assert torch.equal(person_regions(person, FRAME, whole=True), person_regions(person, FRAME))

    def test_the_number_of_boxes_is_checked(self) -> None:
        with pytest.raises(ValueError, match=r"expected \(1, 4\)"):
            person_regions(pose(), FRAME, torch.zeros(2, 4))


class TestCut:
    @settings(max_examples=25, deadline=None)
    @given(st.integers(-8, 50), st.integers(-8, 30))
    def test_at_the_same_scale_pixels_are_copied_and_the_outside_is_filled(self, x: int, y: int) -> None:
        image = torch.rand(2, *FRAME)
        padded = torch.full((2, 80, 100), 7.0)
        padded[:, 20:60, 20:80] = image
        region = torch.tensor([[x, y, 12, 9]], dtype=torch.float32)
        wanted = padded[:, 20 + y : 29 + y, 20 + x : 32 + x]
        torch.testing.assert_close(cut(image, region, (9, 12), fill=7.0)[0], wanted, rtol=0, atol=1e-5)

    @pytest.mark.parametrize("side", [5.0, 12.0, 37.5])
    def test_a_slope_stays_a_slope_at_any_scale(self, side: float) -> None:
        columns = torch.arange(200, dtype=torch.float32).expand(1, 200, 200)
        region = torch.tensor([[80.3, 61.7, side, side]])
        picture = cut(columns, region, (12, 12))[0, 0]
        centres = 80.3 + (torch.arange(12) + 0.5) * side / 12 - 0.5
        torch.testing.assert_close(picture, centres.expand(12, 12), rtol=0, atol=0.05)

    def test_reducing_averages_rather_than_skips(self) -> None:
        stripes = (torch.arange(64) % 2).float().expand(1, 64, 64)
        reduced = cut(stripes, torch.tensor([[8.0, 8, 48, 48]]), (6, 6))
        torch.testing.assert_close(reduced, torch.full_like(reduced, 0.5), rtol=0, atol=0.02)

    def test_far_outside_there_is_nothing_but_fill(self) -> None:
        assert (cut(torch.rand(3, *FRAME), torch.tensor([[500.0, -900, 30, 30]]), (4, 4), fill=9.0) == 9).all()

    def test_persons_do_not_depend_on_each_other(self) -> None:
        image = torch.randint(0, 256, (3, *FRAME), dtype=torch.uint8)
        regions = torch.tensor([[3.0, 4, 20, 20], [-5.5, 10.2, 33, 33], [40, 30, 64, 64]])
        together = cut(image, regions, (8, 8))
        assert all(torch.equal(together[i], cut(image, regions[i : i + 1], (8, 8))[0]) for i in range(3))


def test_points_and_pixels_go_to_the_same_place() -> None:
    image = torch.zeros(1, *FRAME)
    image[0, 13, 22] = 1
    region = torch.tensor([[18.0, 9.0, 10.0, 10.0]])
    picture = cut(image, region, (40, 40))[0, 0]
    x, y = to_crop(torch.tensor([[[22.0, 13.0]]]), region, (40, 40))[0, 0].tolist()
    ys, xs = torch.nonzero(picture == picture.max(), as_tuple=True)
    assert (float(xs.float().mean()), float(ys.float().mean())) == (x, y) == (17.5, 17.5)


def test_maps_of_crops_show_those_beside_and_only_them() -> None:
    poses = torch.cat([pose((10, 10), (20, 20)), pose((14, 12), (30, 30)), pose((500, 500), (510, 510))])
    regions = person_regions(poses, FRAME)
    maps = crop_skeleton_maps(poses, regions, (24, 24))
    placed = torch.cat([to_crop(poses[:2, :, :2], regions[:1].expand(2, 4), (24, 24)), poses[:2, :, 2:]], dim=-1)
    wanted = draw_skeleton_maps(placed[:1], (24, 24), others=placed[1:], beside=torch.tensor([0]))
    assert torch.equal(maps[0], wanted[0])
    assert not maps[2, 10:].any()
    assert torch.equal(crop_skeleton_maps(poses, regions[1:2], (24, 24), torch.tensor([1]))[0], maps[1])


def test_maps_drawn_small_and_enlarged_are_nearly_the_same() -> None:
    poses = pose((10, 10), (30, 20), (12, 30))
    regions = person_regions(poses, FRAME)
    large, small = (
        crop_skeleton_maps(poses, regions, (96, 96), joint_sigma=16.0, limb_sigma=16.0, stride=stride)
        for stride in (1, 4)
    )
    assert (large - small).abs().max() < 0.07


class TestPaste:
    def test_a_window_has_the_pixels_whose_centres_are_in_the_region(self) -> None:
        (window,) = paste_windows(torch.zeros(1, 2, 8, 8), torch.tensor([[3.4, 5.6, 10.0, 10.0]]), FRAME)
        assert (window.x, window.y, *window.values.shape) == (3, 6, 2, 10, 10)

    @pytest.mark.parametrize("region", [[100.0, 0, 10, 10], [-30, -30, 20, 20], [5.6, 5.6, 0.5, 0.5]])
    def test_outside_the_frame_or_between_pixels_there_is_nothing(self, region: list[float]) -> None:
        crops = crops_of(torch.tensor([region]))
        (window,) = paste_windows(torch.ones(1, 2, 8, 8), crops.regions, FRAME)
        assert window.values.numel() == 0
        assert (paste(torch.ones(1, 2, 8, 8), crops, FRAME).argmax(1) == 0).all()

    @pytest.mark.parametrize("region", [[4.0, 5.0, 24.0, 24.0], [-8.0, 20.0, 32.0, 32.0]])
    def test_cutting_and_pasting_gives_the_frame_back(self, region: list[float]) -> None:
        ys, xs = torch.meshgrid(torch.arange(40.0), torch.arange(60.0), indexing="ij")
        frame = torch.stack([(xs / 9).sin(), (ys / 7).cos()])
        regions = torch.tensor([region])
        (window,) = paste_windows(cut(frame, regions, (48, 48)), regions, FRAME)
        inner = (window.values - window.of(frame))[:, 2:-2, 2:-2]
        assert inner.abs().max() < 0.02

    def test_at_the_same_scale_pasting_is_exact(self) -> None:
        logits = torch.randn(2, 2, 8, 8)
        regions = torch.tensor([[3.0, 4, 8, 8], [55, -2, 8, 8]])
        frames = paste(logits, crops_of(regions), FRAME)
        torch.testing.assert_close(frames[0, :, 4:12, 3:11], logits[0], rtol=0, atol=1e-5)
        torch.testing.assert_close(frames[1, :, :6, 55:], logits[1, :, 2:, :5], rtol=0, atol=1e-5)
        assert (frames[0, :, :, 11:] == torch.tensor([20.0, 0.0])[:, None, None]).all()

    @pytest.mark.parametrize("region", [[3.3, 4.7, 19.9, 31.1], [-7.2, 30.1, 90.5, 40.25], [20.25, 10.5, 1.5, 1.25]])
    def test_between_the_crops_pixels_values_are_linear_and_beyond_them_constant(self, region: list[float]) -> None:
        logits = torch.randn(1, 2, 9, 7, generator=torch.Generator().manual_seed(0))
        (window,) = paste_windows(logits, torch.tensor([region]), FRAME)
        x, y, w, h = torch.tensor(region).tolist()  # as float32 has them
        columns = (np.arange(window.x, window.x + window.values.shape[2]) + 0.5 - x) * 7 / w - 0.5
        rows = (np.arange(window.y, window.y + window.values.shape[1]) + 0.5 - y) * 9 / h - 0.5
        wide = np.apply_along_axis(lambda line: np.interp(columns, range(7), line), 2, logits[0].double().numpy())
        expected = np.apply_along_axis(lambda line: np.interp(rows, range(9), line), 1, wide)
        np.testing.assert_allclose(window.values.numpy(), expected, atol=1e-6)

    def test_a_person_of_one_pixel_comes_back_as_one_pixel(self) -> None:
        image = torch.zeros(3, *FRAME)
        image[:, 20, 30] = 255
        crops = person_crops(image, pose((30, 20)), size=(64, 64), min_side=8, fill=0.0)
        logits = torch.stack([127.5 - crops.images[0, 0], crops.images[0, 0] - 127.5])[None]
        (window,) = paste_windows(logits, crops.regions, FRAME)
        mask = torch.zeros(FRAME, dtype=torch.bool)
        window.of(mask).copy_(window.values[1] > 0)
        assert mask.nonzero().tolist() == [[20, 30]]

    def test_a_hundred_persons_and_none(self) -> None:
        image = torch.rand(3, *FRAME)
        poses = torch.rand(100, 17, 3) * torch.tensor([60.0, 40.0, 1.0])
        crops = person_crops(image, poses, size=(16, 16))
        assert crops.images.shape == (100, 3, 16, 16)
        assert crops.size == (16, 16)
        assert len(list(paste_windows(torch.zeros(100, 2, 4, 4), crops.regions, FRAME))) == len(crops)
        nobody = person_crops(image, poses[:0], size=(16, 16))
        assert nobody.images.shape == (0, 3, 16, 16)
        assert crop_skeleton_maps(poses[:0], nobody.regions, nobody.size).shape == (0, 14, 16, 16)
        assert paste(torch.zeros(0, 2, 4, 4), nobody, FRAME).shape == (0, 2, *FRAME)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_rle_of_a_window_is_that_of_the_frame(data: st.DataObject) -> None:
    height, width = data.draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    y1, y2 = sorted(data.draw(st.tuples(*[st.integers(0, height)] * 2)))
    x1, x2 = sorted(data.draw(st.tuples(*[st.integers(0, width)] * 2)))
    values = data.draw(st.lists(st.booleans(), min_size=(y2 - y1) * (x2 - x1), max_size=(y2 - y1) * (x2 - x1)))
    window = Window(x1, y1, torch.tensor(values, dtype=torch.bool).reshape(y2 - y1, x2 - x1))
    frame = torch.zeros(height, width, dtype=torch.bool)
    window.of(frame).copy_(window.values)
    assert window_to_rle(window, (height, width)) == coco_mask.encode(np.asfortranarray(frame.numpy().view(np.uint8)))
