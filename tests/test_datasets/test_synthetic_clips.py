"""The videos: the protocol of clips, truth kept apart, identities that stay."""

import itertools
import pickle

import numpy as np
import pytest

from mmselfhuman.datasets.synthetic import SyntheticVideoFrames, SyntheticVideos
from mmselfhuman.registry import DATASETS


@pytest.fixture(scope="module")
def videos():
    return SyntheticVideos("target", num_videos=3, num_frames=8)


def test_videos_are_built_by_name():
    videos = DATASETS.build(
        {"type": "SyntheticVideos", "split": "source", "num_videos": 2, "num_frames": 2, "size": (64, 48)}
    )
    assert [clip.name for clip in videos] == ["source_0000", "source_0001"]
    assert [frame.image.shape for frame in videos[1]] == [(48, 64, 3)] * 2


def test_iterating_gives_numbered_frames_and_nothing_else(videos):
    frames = list(videos[0])
    assert [frame.index for frame in frames] == list(range(8))
    assert set(vars(frames[0])) == {"index", "image"}


def test_a_clip_can_be_read_twice_and_in_any_order(videos):
    clip = videos[1]
    frames = list(clip)
    np.testing.assert_array_equal(clip.image(5), frames[5].image)
    np.testing.assert_array_equal(next(iter(clip)).image, frames[0].image)


def test_a_pickled_clip_renders_the_same(videos):
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(videos[2])).image(3), videos[2].image(3))


def test_only_the_worlds_used_last_are_kept():
    videos = SyntheticVideos("source", num_videos=7, num_frames=1, size=(32, 32))
    first = [clip.image(0) for clip in videos]
    assert len(videos[0]._stage._worlds) == 4
    np.testing.assert_array_equal(videos[0].image(0), first[0])


def test_clips_differ(videos):
    assert len({clip.image(0).tobytes() for clip in videos}) == 3


def test_a_person_keeps_its_number_and_moves_a_little_from_frame_to_frame(videos):
    for clip in videos:
        truths = [clip.truth(k) for k in range(8)]
        assert len({len(truth.joints) for truth in truths}) == 1
        for before, after in itertools.pairwise(truths):
            step = np.linalg.norm(after.joints[..., :2] - before.joints[..., :2], axis=-1)
            assert np.median(step) < 0.08 * 128


def test_masks_persist_while_pictures_fail(videos):
    """Truth does not know of blur and light: the persons of neighbouring frames overlap."""
    for clip in videos:
        for k in range(7):
            one, other = clip.truth(k).amodal.any(0), clip.truth(k + 1).amodal.any(0)
            assert (one & other).sum() > 0.3 * (one | other).sum()


@pytest.mark.parametrize("call", ["image", "truth"])
def test_frames_beyond_the_end_are_refused(videos, call):
    with pytest.raises(IndexError, match="target_0000 has frames 0 to 7, asked for 8"):
        getattr(videos[0], call)(8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "target_test"}, "unknown domain 'target_test'"),
        ({"num_videos": 0}, "num_videos must be at least 1"),
        ({"num_frames": 0}, "num_frames must be at least 1"),
    ],
)
def test_wrong_settings_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SyntheticVideos(**arguments)


def test_frames_as_a_labelled_set_are_those_of_the_clips(videos):
    frames = SyntheticVideoFrames("target", num_videos=3, num_frames=8)
    assert len(frames) == 24
    item, clip = frames[19], videos[2]
    assert item.file_name == "target_0002_000003.png"
    np.testing.assert_array_equal(frames.image(19), clip.image(3))
    assert [person.track_id for person in item.persons] == clip.truth(3).annotated.tolist()
    assert len({frames[index].file_name for index in range(24)}) == 24
    with pytest.raises(IndexError, match="24 images, asked for number 24"):
        frames[24]
