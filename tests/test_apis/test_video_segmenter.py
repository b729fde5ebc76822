"""Videos through the detector: numbers hold over the parts of a video, refinement is TPR's and GBSR's own."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmselfhuman.apis.video import VideoSegmenter
from mmselfhuman.models.detectors import FramePersons, FramePoses, Stopwatch
from mmselfhuman.models.flow import DISFlow
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
from mmselfhuman.models.tpr import TemporalParsingRefiner
from mmselfhuman.structures import Frame

HEIGHT, WIDTH = 48, 120
BODY = np.random.default_rng(0).random((17, 2)) * (16, 24)


def scene(count: int = 30) -> list[Frame]:
    """Two textured boxes that move towards each other and past."""
    rng = np.random.default_rng(1)
    background = cv2.GaussianBlur(rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8), (5, 5), 2)
    boxes = [cv2.GaussianBlur(rng.integers(0, 256, (24, 16, 3), dtype=np.uint8), (5, 5), 1) for _ in range(2)]
    frames = []
    for index in range(count):
        image = background.copy()
        for box, (x, y) in zip(boxes, places(index), strict=True):
            image[y : y + 24, x : x + 16] = box
        frames.append(Frame(index, image))
    return frames


def places(index: int) -> list[tuple[int, int]]:
    return [(4 + 2 * index, 2), (90 - 2 * index, 22)]


class Detector(nn.Module):
    """Finds the boxes, in changing order; their "mask" is the box of the joints.

    Args:
        missed: Frame and person (0 or 1) pairs that are not found.
    """

    def __init__(self, missed: tuple[tuple[int, int], ...] = ()) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.stopwatch, self.seg, self.missed = Stopwatch(), nn.Identity(), missed
        self.index = 0
        self.given: list[tuple[FramePoses, Tensor]] = []

    def poses(self, images: list[Tensor]) -> list[FramePoses]:
        found = []
        for _ in images:
            persons = [n for n in ((0, 1), (1, 0))[self.index % 2] if (self.index, n) not in self.missed]
            points = np.array([BODY + places(self.index)[n] for n in persons]).reshape(-1, 17, 2)
            poses = np.concatenate([points, np.full((len(persons), 17, 1), 0.95)], axis=-1)
            found.append(FramePoses(torch.from_numpy(poses).float(), torch.full((len(persons),), 0.5)))
            self.index += 1
        return found

    def seg_logits(self, images: list[Tensor]) -> list[Tensor]:
        shown = [image[0, ::2, ::2] / 50 - 2 for image in images]
        return [torch.stack([torch.zeros_like(one), one]) for one in shown]

    def candidates(self, poses: FramePoses) -> FramePoses:
        return poses

    def persons(self, images: list, poses: list[FramePoses], logits: list[Tensor]) -> list[FramePersons]:
        self.given.append((poses[0], logits[0]))
        n = len(poses[0])
        return [FramePersons((HEIGHT, WIDTH), poses[0], [{}] * n, torch.ones(n), torch.ones(n))]


def who(persons: FramePersons, index: int) -> dict[int, int]:
    """Person (0 or 1) to track number."""
    found = {}
    for pose, number in zip(persons.poses.keypoints, persons.poses.track_ids.tolist(), strict=True):
        corners = [np.abs(pose[:, :2].numpy() - BODY - place).mean() for place in places(index)]
        found[int(np.argmin(corners))] = number
    return found


@pytest.mark.parametrize("segment", [4, 7, 100])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_numbers_hold_over_parts_of_any_length(segment: int, batch_size: int) -> None:
    results = list(VideoSegmenter(Detector(), DISFlow(), batch_size=batch_size, segment=segment, context=2)(scene()))
    assert [frame.index for frame, _ in results] == list(range(30))
    names = [who(persons, frame.index) for frame, persons in results]
    assert all(name == names[0] for name in names)
    assert set(names[0].values()) == {0, 1}


def test_poses_come_through_unchanged_when_only_followed() -> None:
    detector, expected = Detector(), Detector()
    results = list(VideoSegmenter(detector, DISFlow(), segment=5, context=2, motion_side=60)(scene(12)))
    for (frame, persons), poses in zip(results, expected.poses([None] * 12), strict=True):
        assert frame.image.shape == (HEIGHT, WIDTH, 3)
        own = {tuple(np.round(pose.flatten().tolist(), 2)) for pose in persons.poses.keypoints}
        assert own == {tuple(np.round(pose.flatten().tolist(), 2)) for pose in poses.keypoints}
        assert persons.poses.scores.tolist() == [0.5, 0.5]


def test_who_is_missed_for_a_while_keeps_the_number_and_is_recovered_by_gbsr() -> None:
    missed = ((6, 0), (11, 1))
    followed = list(VideoSegmenter(Detector(missed), DISFlow(), segment=8, context=3)(scene(20)))
    assert [len(persons) for _, persons in followed] == [2] * 6 + [1] + [2] * 4 + [1] + [2] * 8
    assert {number for _, persons in followed for number in persons.poses.track_ids.tolist()} == {0, 1}
    refined = list(
        VideoSegmenter(Detector(missed), DISFlow(), gbsr=GraphPoseRefiner(), segment=8, context=3)(scene(20))
    )
    assert [len(persons) for _, persons in refined] == [2] * 20
    names = [who(persons, frame.index) for frame, persons in refined]
    assert all(name == names[0] for name in names)


def test_refined_logits_are_tprs() -> None:
    frames, flow = scene(10), DISFlow()
    refiner = TemporalParsingRefiner(flow, rounds=2)
    images = [torch.from_numpy(frame.image).permute(2, 0, 1) for frame in frames]
    expected = [one.logits for one in refiner(zip(images, Detector().seg_logits(images), strict=True))]
    detector = Detector()
    estimated = []
    flow.register_forward_hook(lambda *_: estimated.append(1))
    list(VideoSegmenter(detector, flow, tpr=refiner, batch_size=3, segment=4, context=1)(frames))
    for (_, logits), one in zip(detector.given, expected, strict=True):
        torch.testing.assert_close(logits, one)
    assert len(estimated) == 9  # once per pair, both ways together
    assert refiner.flow is flow


def test_few_frames_are_held() -> None:
    read = 0

    def frames() -> Iterator[Frame]:
        nonlocal read
        for frame in scene():
            read += 1
            yield frame

    segmenter = VideoSegmenter(Detector(), DISFlow(), batch_size=2, segment=4, context=2)
    for given, _ in enumerate(segmenter(frames())):
        assert read - given <= 4 + 2 + 2


@pytest.mark.parametrize("count", [0, 1, 2])
def test_short_videos(count: int) -> None:
    segmenter = VideoSegmenter(
        Detector(), DISFlow(), tpr=TemporalParsingRefiner(DISFlow()), gbsr=GraphPoseRefiner(), segment=4
    )
    assert len(list(segmenter(scene(count)))) == count


def test_frames_smaller_than_flow_needs_do_no_harm() -> None:
    frames = [Frame(index, np.zeros((8, 10, 3), np.uint8)) for index in range(3)]
    assert len(list(VideoSegmenter(Detector(), DISFlow())(frames))) == 3


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match="segment: expected at least 1, got 0"):
        VideoSegmenter(Detector(), DISFlow(), segment=0)
