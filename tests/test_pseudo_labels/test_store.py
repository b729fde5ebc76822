"""Rounds exist entirely or not at all, and come back as they were written."""

import os
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask
from store_toys import HEIGHT, WIDTH, label, plain, tree

from mmselfhuman.datasets.images import read_image
from mmselfhuman.pseudo_labels import PseudoLabelError, PseudoLabelStore
from mmselfhuman.structures import UNSURE, PseudoPerson


@pytest.fixture
def store(tmp_path):
    return PseudoLabelStore(tmp_path / "store", image_format="png", confidence_stride=1)


def commit(store, number, provenance=None, clips=("clip",)):
    writer = store.begin_round(number, provenance or {})
    for clip in clips:
        writer.write_clip(clip, [label(0), label(1)])
    return writer.commit()


def test_round_exists_only_when_it_is_committed(store):
    assert store.latest_round() is None
    writer = store.begin_round(1, {"model": "a"})
    writer.write_clip("day/one", [label(0), label(4)])
    assert (writer.has("day/one"), writer.has("day/two"), store.latest_round()) == (True, False, None)
    with pytest.raises(PseudoLabelError, match=r"has not a round of pseudo-labels; committed are \[\]"):
        store.read()
    writer.commit({"agreement": 0.5})
    assert (store.latest_round(), store.rounds()) == (1, [1])
    reader = store.read()
    assert (reader.number, reader.clips, reader.summary) == (1, ("day/one",), {"agreement": 0.5})
    assert (reader.provenance, len(reader), reader.key(-1)) == ({"model": "a"}, 2, ("day/one", 4))
    assert [entry.frame for entry in reader.clip("day/one")] == [0, 4]
    assert reader.verify() == []
    with pytest.raises(PseudoLabelError, match=r"has not round 2 of pseudo-labels; committed are \[1\]"):
        store.read(2)
    with pytest.raises(IndexError, match="round 1 has 2 frames, asked for number 2"):
        reader[2]


finite = st.floats(-1e6, 1e6, width=32)
unit = st.floats(0, 1, width=32)
sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@st.composite
def persons(draw, size):
    mask = draw(st.none() | arrays.arrays(np.uint8, size, elements=st.integers(0, 1)))
    points = draw(
        st.none() | st.tuples(*[arrays.arrays(np.float32, 17, elements=kind) for kind in (finite, finite, unit)])
    )
    return PseudoPerson(
        score=draw(st.floats(0, 1)),
        mask=None if mask is None else coco_mask.encode(np.asfortranarray(mask)),
        keypoints=None if points is None else np.stack(points, axis=1),
        visibility=draw(st.none() | arrays.arrays(np.uint8, 17, elements=st.integers(0, 2))),
        track_id=draw(st.none() | st.integers(0, 10**9)),
        box=draw(st.tuples(finite, finite, st.floats(0, 1e6), st.floats(0, 1e6))),
        crowd=draw(st.booleans()),
    )


@st.composite
def labels(draw, frame):
    size = draw(sizes)
    map_ = arrays.arrays(np.uint8, size)
    return label(
        frame,
        *size,
        image=draw(arrays.arrays(np.uint8, (*size, 3))),
        semantic=draw(st.none() | map_),
        confidence=draw(st.none() | map_.map(lambda values: values // 17 * 17)),
        persons=draw(st.none() | st.lists(persons(size), max_size=3).map(tuple)),
        provenance=draw(st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.floats(0, 1))),
    )


@given(st.tuples(labels(2), labels(7)))
@settings(max_examples=60, deadline=None)
def test_any_label_comes_back_as_it_was(tmp_path_factory, written):
    store = PseudoLabelStore(tmp_path_factory.mktemp("any"), image_format="png", confidence_stride=1)
    writer = store.begin_round(0, {})
    writer.write_clip("clip", written)
    reader = writer.commit()
    assert plain(tuple(reader)) == plain(written)
    for read, original in zip(reader, written, strict=True):
        assert np.array_equal(read_image(read.image), original.image)
    assert plain(reader.without_maps(0))["persons"] == plain(written[0])["persons"]


def test_label_that_was_read_can_be_written_again_without_loss(store):
    store = PseudoLabelStore(store.root, image_format="jpg")
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    writer = store.begin_round(0, {})
    writer.write_clip("clip", [label(3, image=noise)])
    first = writer.commit()
    writer = store.begin_round(1, {})
    writer.write_clip("clip", first)
    assert writer.commit()[0].image == first[0].image


def test_same_labels_are_the_same_bytes_in_whatever_order_they_were_written(tmp_path):
    trees = []
    for order in ("ab", "ba"):
        store = PseudoLabelStore(tmp_path / order)
        writers = [store.begin_round(3, dict(sorted({"x": 1, "y": 2}.items(), reverse=order == "ba"))) for _ in order]
        for clip, writer in zip(order, writers, strict=True):
            writer.write_clip(clip, [label(0, confidence=np.full((HEIGHT, WIDTH), 200, np.uint8)), label(1)])
        time.sleep(0.01)
        writers[0].commit({"b": 1, "a": 2})
        trees.append(tree(tmp_path / order))
    assert trees[0] == trees[1]
    assert sorted(name.split("-")[0] for name in trees[0]) == [
        *(f"frames/{clip}/0000000{frame}" for clip in "ab" for frame in (0, 1)),
        "rounds/000003/clips/a.zip",
        "rounds/000003/clips/b.zip",
        "rounds/000003/manifest.json",
    ]


def test_pixels_are_kept_once_for_all_rounds(store):
    commit(store, 0)
    before = {path: path.stat().st_mtime_ns for path in store.images.folder.rglob("*.png")}
    commit(store, 1)
    assert {path: path.stat().st_mtime_ns for path in store.images.folder.rglob("*.png")} == before
    assert store.read(0)[0].image == store.read(1)[0].image
    sizes = store.read(1).num_bytes()
    assert sizes["pixels"] == sum(path.stat().st_size for path in before) / 2
    assert sizes["labels"] == os.path.getsize(store.root / "rounds/000001/clips/clip.zip") / 2


def test_changed_pixels_of_a_frame_leave_older_rounds_alone(store):
    commit(store, 0)
    writer = store.begin_round(1, {})
    writer.write_clip("clip", [label(0, image=np.full((HEIGHT, WIDTH, 3), 99, np.uint8))])
    writer.commit()
    assert [int(read_image(store.read(number)[0].image)[0, 0, 0]) for number in (0, 1)] == [0, 99]


def test_clip_counts_as_done_only_with_the_same_provenance_and_settings(store):
    commit(store, 0, {"weights": "a"})
    assert store.begin_round(0, {"weights": "a"}).has("clip")
    assert store.latest_round() == 0
    other = PseudoLabelStore(store.root, image_format="png", confidence_stride=2)
    assert not other.begin_round(0, {"weights": "a"}).has("clip")
    assert not store.begin_round(0, {"weights": "b"}).has("clip")
    assert store.latest_round() is None


def test_clip_whose_pixels_are_gone_is_not_done(store):
    commit(store, 0)
    next(store.images.folder.rglob("*.png")).unlink()
    assert not store.begin_round(0, {}).has("clip")


def test_beginning_a_round_takes_later_ones_back(store):
    for number in range(4):
        commit(store, number)
    store.begin_round(1, {})
    assert store.rounds() == [0, 1]


def test_round_that_was_taken_back_finds_its_clips_done(store):
    before = commit(store, 0), commit(store, 1, {"weights": "a"})
    manifest = (store.root / "rounds/000001/manifest.json").read_bytes()
    store.rewind(0)
    assert store.rounds() == [0]
    writer = store.begin_round(1, {"weights": "a"})
    assert writer.has("clip")
    writer.commit()
    assert (store.root / "rounds/000001/manifest.json").read_bytes() == manifest
    store.rewind(None)
    assert (store.rounds(), store.latest_round(), len(before)) == ([], None, 2)


def test_commit_takes_the_clips_that_belong_to_the_round_and_no_others(store):
    commit(store, 0, {"weights": "a"}, clips=("old", "both"))
    writer = store.begin_round(0, {"weights": "b"})
    writer.write_clip("both", [label(0)])
    with pytest.raises(PseudoLabelError, match="it lacks 1 clips, the first is new"):
        writer.commit(videos=["both", "new"])
    assert writer.commit(videos=["both"]).clips == ("both",)
    assert [path.name for path in (store.root / "rounds/000000/clips").iterdir()] == ["both.zip"]


def test_commit_without_a_clip_is_refused(store):
    with pytest.raises(PseudoLabelError, match=r"round 0 in .*store cannot be committed: it has no clip"):
        store.begin_round(0, {}).commit()


def test_prune_keeps_the_last_committed_rounds_and_all_pixels(store):
    assert store.prune(2) == []
    for number in (0, 1, 5):
        commit(store, number)
    (store.root / "rounds/000000/manifest.json").unlink()  # as a prune does that is killed
    assert store.prune(2) == [0]
    assert (store.rounds(), store.prune(2)) == ([1, 5], [])
    assert not (store.root / "rounds/000000").exists()
    assert store.read(1).verify() == []
    with pytest.raises(ValueError, match="keep is 0, expected at least 1 round"):
        store.prune(0)


def test_commits_of_one_number_can_be_told_apart(store):
    commit(store, 0)
    first = store.latest_commit()
    assert store.latest_commit() == first
    commit(store, 0, {"weights": "b"})
    assert store.latest_commit()[0] == 0
    assert store.latest_commit() != first


OUTSIDE = (
    "",
    ".",
    "..",
    "../a",
    "a/../../b",
    "a//b",
    "/a",
    "a/",
    "C:/a",
    "a\\b",
    "a\0b",
    "a\nb",
    "a.zip/b",
    "a/b.PNG",
    3,
)


@pytest.mark.parametrize("name", OUTSIDE)
def test_video_name_that_leaves_the_store_is_refused(store, name):
    writer = store.begin_round(0, {})
    with pytest.raises(ValueError, match="cannot be a path in the store"):
        writer.write_clip(name, [label(0)])
    with pytest.raises(ValueError, match="cannot be a path in the store"):
        writer.has(name)
    assert not store.root.exists()


@pytest.mark.parametrize("name", ["a", "a/b.c d/é", "...", "a/..b", "-"])
def test_unusual_names_are_served(store, name):
    assert commit(store, 0, clips=[name, f"{name}/below"]).clips == (name, f"{name}/below")


WRONG = [
    ({"semantic": np.zeros((3, 3), np.uint8)}, "semantic: got .*3, 3.*expected .*5, 7"),
    ({"semantic": np.zeros((HEIGHT, WIDTH))}, "semantic: got .*float64"),
    ({"confidence": [[1]]}, "confidence: got <class 'list'>"),
    ({"image": np.zeros((HEIGHT, WIDTH), np.uint8)}, "image: got .*5, 7"),
    ({"image": "/nowhere/a.png"}, "/nowhere/a.png is missing"),
    ({"image": "/nowhere/a.gif"}, "the store keeps .jpg"),
    ({"height": 0}, "height and width: got"),
    ({"persons": (PseudoPerson(1.5, box=(0, 0, 1, 1)),)}, "person 0: score: got 1.5"),
    ({"persons": (PseudoPerson(float("nan"), box=(0, 0, 1, 1)),)}, "score: got nan"),
    ({"persons": (PseudoPerson(1, box=(0, 0, np.inf, 1)),)}, "box: got"),
    ({"persons": (PseudoPerson(1, mask={"size": [3, 3], "counts": b"9"}, box=(0, 0, 1, 1)),)}, "size of the mask: got"),
    ({"persons": (PseudoPerson(1, keypoints=np.full((17, 3), np.nan), box=(0, 0, 1, 1)),)}, "keypoints: got"),
    ({"persons": (PseudoPerson(1, keypoints=np.zeros((5, 3)), box=(0, 0, 1, 1)),)}, "shape of keypoints: got .5, 3"),
    ({"persons": (PseudoPerson(1, visibility=np.full(17, 3), box=(0, 0, 1, 1)),)}, "visibility: got"),
    ({"provenance": {"loss": float("nan")}}, "Out of range float values"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=range(len(WRONG)))
def test_label_that_is_not_as_it_should_be_is_named_and_nothing_is_left(store, fields, message):
    writer = store.begin_round(0, {})
    with pytest.raises(ValueError, match=message):
        writer.write_clip("clip", [label(3), label(12, **fields)])
    assert not writer.has("clip")
    assert [name for name in tree(store.root) if name.startswith("rounds")] == []


def test_frames_out_of_order_are_refused(store):
    with pytest.raises(ValueError, match="frames of clip must ascend, got 3 after 3"):
        store.begin_round(0, {}).write_clip("clip", [label(3), label(3)])


def test_person_without_a_place_is_refused():
    with pytest.raises(ValueError, match="a person needs a box, a mask, or keypoints"):
        PseudoPerson(0.5, keypoints=np.zeros((17, 3), np.float32))


def test_box_is_that_of_the_mask_or_the_joints():
    mask = np.zeros((6, 8), np.uint8)
    mask[2:4, 3:8] = 1
    assert PseudoPerson(1, coco_mask.encode(np.asfortranarray(mask))).box == (3, 2, 5, 2)
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[3:5] = [(9, 4, 0.1), (5, 6, 1)]
    assert PseudoPerson(1, keypoints=keypoints).box == (5, 4, 4, 2)


def test_settings_out_of_range_are_refused(tmp_path):
    for wrong in ({"image_format": "gif"}, {"jpeg_quality": 0}, {"confidence_stride": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            PseudoLabelStore(tmp_path, **wrong)
    with pytest.raises(ValueError, match="rounds are numbered from 0, got -1"):
        PseudoLabelStore(tmp_path).begin_round(-1, {})


def test_unsure_is_the_label_that_mmseg_ignores():
    assert UNSURE == 255
