"""Scenes: what is painted, what is said to be true about it, and how pixels move."""

import numpy as np
import pytest

from mmselfhuman.datasets.synthetic.domains import SOURCE, TARGET
from mmselfhuman.datasets.synthetic.randomness import Stream
from mmselfhuman.datasets.synthetic.sprites import unpack
from mmselfhuman.datasets.synthetic.truth import frame_truth
from mmselfhuman.datasets.synthetic.world import World
from mmselfhuman.structures import JOINTS
from mmselfhuman.structures.boxes import box_iou

SIZE = (128, 128)
SEEDS = range(8)


def target_world(seed, frames=1):
    return World(Stream("test", seed), TARGET, SIZE, frames)


def pixels_of(joints):
    return np.floor(joints[..., :2] + 0.5).astype(int)


@pytest.fixture(scope="module")
def scenes():
    """(world, painting, truth) of some target scenes."""
    worlds = [target_world(seed) for seed in SEEDS]
    paintings = [world.paint(0) for world in worlds]
    return [
        (world, painting, frame_truth(world, painting, 0)) for world, painting in zip(worlds, paintings, strict=True)
    ]


def test_visible_masks_are_disjoint_parts_of_the_amodal_ones(scenes):
    for _, _, truth in scenes:
        assert truth.visible.sum(0).max() <= 1
        assert not (truth.visible & ~truth.amodal).any()


def test_a_person_alone_and_without_objects_is_wholly_visible():
    plain = SOURCE.turned({"companions": {1: 1}, "pair_share": 0, "poles": 0, "carrying": 0})
    world = World(Stream("alone", 1), plain, SIZE)
    truth = frame_truth(world, world.paint(0), 0)
    np.testing.assert_array_equal(truth.visible, truth.amodal)
    assert truth.max_ious.tolist() == [0.0]


def test_joints_lie_on_their_person(scenes):
    for _, _, truth in scenes:
        for person, joints in enumerate(truth.joints):
            inside = joints[:, 2] > 0
            x, y = pixels_of(joints)[inside].T
            assert truth.amodal[person, y, x].all()


def test_visible_joints_are_seen_and_hidden_ones_are_behind_something_nearer(scenes):
    hidden_behind_others = 0
    for world, painting, truth in scenes:
        near, figure = world._layers.near[0], world._figure
        for person, joints in enumerate(truth.joints):
            for index, (x, y, state) in enumerate(joints):
                if state == 0:
                    continue
                column, row = pixels_of(np.array((x, y)))
                layer = painting.front[row, column]
                if state == 2:
                    assert truth.owners[row, column] == person
                elif figure.turned_to[0, person, index] and truth.owners[row, column] != person:
                    hidden_behind_others += 1
                    own = [k for k, owner in enumerate(world._layers.owners) if owner == person]
                    drawn = [k for k in own if world._layers.shown[0, k]]
                    assert near[layer] >= min(near[k] for k in drawn), JOINTS[index]
    assert hidden_behind_others > 20, "the target domain hides joints"


def test_joints_outside_the_picture_are_not_labelled(scenes):
    outside = 0
    for _, _, truth in scenes:
        for joints in truth.joints:
            x, y = pixels_of(joints).T
            beyond = (x < 0) | (x >= 128) | (y < 0) | (y >= 128)
            np.testing.assert_array_equal(joints[:, 2] == 0, beyond)
            outside += beyond.sum()
    assert outside > 0


def test_boxes_hold_the_amodal_masks_tightly_and_max_iou_is_that_of_boxes(scenes):
    for _, _, truth in scenes:
        for mask, (x, y, w, h) in zip(truth.amodal, truth.boxes, strict=True):
            rest = mask.copy()
            rest[y : y + h, x : x + w] = False
            assert not rest.any()
            if mask.any():
                assert mask[y].any()
                assert mask[y + h - 1].any()
                assert mask[:, x].any()
                assert mask[:, x + w - 1].any()
        kept = truth.annotated
        overlaps = box_iou(truth.boxes[kept], truth.boxes[kept])
        np.fill_diagonal(overlaps, 0)
        expected = overlaps.max(1) if len(kept) > 1 else np.zeros(len(kept))
        np.testing.assert_allclose(truth.max_ious[kept], expected)


def test_persons_say_what_the_truth_says(scenes):
    from pycocotools import mask as rle

    for _, _, truth in scenes:
        persons = truth.persons(10)
        assert [person.track_id for person in persons] == truth.annotated.tolist()
        assert [person.id for person in persons] == list(range(10, 10 + len(persons)))
        for person in persons:
            np.testing.assert_array_equal(rle.decode(person.mask).astype(bool), truth.visible[person.track_id])
            assert person.area == person.box[2] * person.box[3]
            assert not person.keypoints[person.keypoints[:, 2] == 0].any(), "COCO writes zeros for unlabelled joints"


def test_a_person_who_is_all_but_hidden_is_not_annotated():
    wall = SOURCE.turned({"covering": 2.0, "passing": 1.0, "companions": {1: 1}, "pair_share": 0})
    for seed in range(60):
        world = World(Stream("wall", seed), wall, SIZE)
        truth = frame_truth(world, world.paint(0), 0)
        if not truth.visible.any() and truth.amodal.any():
            assert len(truth.annotated) == 0
            assert truth.persons() == ()
            return
    pytest.fail("no scene hid its person")


ZOOM = 16


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize(("start", "end"), [(0, 1), (2, 1)])
def test_flow_carries_masks_onto_the_next_frame_at_sixteen_times_the_resolution(seed, start, end):
    """The flow of the small picture is checked against masks painted much larger, whose parts have the same shape."""
    small = target_world(seed, 3)
    large = World(Stream("test", seed), TARGET, (128 * ZOOM, 128 * ZOOM), 3, texture_height=128)
    flow, occluded = small.flow(start, end)
    y, x = np.mgrid[:128, :128]
    column, row = (
        np.clip(np.floor((at + part + 0.5) * ZOOM).astype(int), 0, 128 * ZOOM - 1)
        for at, part in zip((x, y), flow, strict=True)
    )
    here = small.owner_map(small.paint(start))
    there = large.owner_map(large.paint(end))[row, column]
    scores = []
    for person in range(small.num_persons):
        one, other = (here == person) & ~occluded, (there == person) & ~occluded
        if one.sum() > 100:
            scores.append((one & other).sum() / (one | other).sum())
    assert scores
    assert min(scores) > 0.99


def test_unoccluded_pixels_keep_their_colour_along_the_flow():
    large = World(Stream("test", 3), TARGET, (512, 512), 2, texture_height=128)
    flow, occluded = large.flow(0, 1)
    before, after = large.paint(0), large.paint(1)
    y, x = np.mgrid[:512, :512]
    column, row = (
        np.clip(np.floor(at + part + 0.5).astype(int), 0, 511) for at, part in zip((x, y), flow, strict=True)
    )
    change = np.abs(unpack(before.colours).astype(int) - unpack(after.colours)[row, column]).mean(-1)
    person = (large.owner_map(before) >= 0) & ~occluded
    assert np.median(change[person]) < 1.0
    assert (change[person] < 8).mean() > 0.93, "the rest are outlines, which blend with what is behind"
    still = np.abs(unpack(before.colours).astype(int) - unpack(after.colours)).mean(-1)
    assert still[person].mean() > 3 * change[person].mean(), "without the flow they would not fit"


def test_flow_to_the_same_frame_is_zero_and_nothing_is_occluded():
    world = target_world(5, 2)
    flow, occluded = world.flow(1, 1)
    assert np.abs(flow).max() < 1e-4
    assert occluded.mean() < 0.001


def test_flow_and_back_returns_where_nothing_is_occluded():
    world = target_world(0, 2)
    forward, hidden = world.flow(0, 1)
    backward, hidden_back = world.flow(1, 0)
    y, x = np.mgrid[:128, :128]
    column, row = (
        np.clip(np.floor(at + part + 0.5).astype(int), 0, 127) for at, part in zip((x, y), forward, strict=True)
    )
    same_layer = world.paint(0).front == world.paint(1).front[row, column]
    valid = ~hidden & ~hidden_back[row, column] & same_layer
    error = np.abs(forward + backward[:, row, column]).max(0)[valid]
    assert valid.mean() > 0.5
    assert np.quantile(error, 0.99) < 0.5, "half a pixel's rounding times the motion's gradient"


def test_any_frame_can_be_had_on_its_own():
    one, other = target_world(2, 6), target_world(2, 6)
    sequence = [one.develop(one.paint(k), k) for k in range(6)]
    np.testing.assert_array_equal(other.develop(other.paint(4), 4), sequence[4])


def test_degradations_come_and_go_from_frame_to_frame():
    """Sharpness and brightness of neighbouring frames differ in the target domain and hardly in the source domain."""

    def jumps(knobs):
        values = []
        for seed in range(4):
            world = World(Stream("jumps", seed), knobs, SIZE, 12)
            light = [world.develop(world.paint(k), k).mean() for k in range(12)]
            values.append(np.abs(np.diff(light)).max() / np.mean(light))
        return np.mean(values)

    assert jumps(TARGET) > 4 * jumps(SOURCE)
