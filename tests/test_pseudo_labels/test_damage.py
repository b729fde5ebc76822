"""Killed writers, full disks and damaged files: named, and never half a label."""

import multiprocessing
import os
import re
import resource
import signal
import socket
import time

import numpy as np
import pytest
from store_toys import label, tree

from mmselfhuman.pseudo_labels import PseudoLabelError, PseudoLabelStore

# Writers are forked from a process without threads: a fork of this one, whose libraries have some, may hang in a lock.
WRITERS = multiprocessing.get_context("forkserver")
WRITERS.set_forkserver_preload([__name__])


@pytest.fixture
def store(tmp_path):
    return PseudoLabelStore(tmp_path / "store", image_format="png", confidence_stride=1)


@pytest.fixture
def committed(store):
    maps = {"semantic": np.eye(5, 7, dtype=np.uint8), "confidence": np.full((5, 7), 170, np.uint8)}
    writer = store.begin_round(0, {"model": "a"})
    writer.write_clip("one", [label(0, **maps), label(1, persons=())])
    writer.commit()
    return store


def parts(names):
    return [name for name in names if name.endswith(".partial")]


def read_all(store):
    return list(store.read())


def test_clip_file_cut_off_anywhere_is_named(committed):
    path = committed.root / "rounds/000000/clips/one.zip"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(PseudoLabelError, match=r"clips/one\.zip is damaged: its SHA-256 is"):
            read_all(committed)
        if length % 16 == 0:
            assert not committed.begin_round(0, {"model": "a"}).has("one")
    assert len(committed.read().verify()) == 1


def test_clip_file_with_any_wrong_bit_is_named(committed):
    path = committed.root / "rounds/000000/clips/one.zip"
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        with pytest.raises(PseudoLabelError, match=r"clips/one\.zip is damaged"):
            read_all(committed)


def test_clip_file_damaged_after_its_first_reading_never_gives_other_labels(committed):
    path = committed.root / "rounds/000000/clips/one.zip"
    whole = path.read_bytes()
    reader = committed.read()
    expected = reader[0]
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        try:
            found = reader[0]
        except PseudoLabelError:
            continue
        assert np.array_equal(found.semantic, expected.semantic)
        assert np.array_equal(found.confidence, expected.confidence)
        assert (found.image, found.persons, found.provenance) == (expected.image, expected.persons, expected.provenance)


def test_manifest_cut_off_or_changed_anywhere_is_named(committed):
    path = committed.root / "rounds/000000/manifest.json"
    whole = path.read_bytes()
    for place in range(len(whole) - 1):
        for content in (whole[:place], whole[:place] + bytes([whole[place] ^ 1 << place % 7]) + whole[place + 1 :]):
            path.write_bytes(content)
            with pytest.raises(PseudoLabelError, match=r"000000/manifest\.json is damaged"):
                committed.read()


def test_missing_files_are_named(committed):
    image = next(committed.images.folder.rglob("*.png"))
    image.unlink()
    assert committed.read().verify() == [f"{image} is missing"]
    (committed.root / "rounds/000000/clips/one.zip").unlink()
    with pytest.raises(PseudoLabelError, match=r"clips/one\.zip is missing"):
        read_all(committed)


def test_damaged_pixels_are_named(committed):
    image = next(committed.images.folder.rglob("*.png"))
    image.write_bytes(image.read_bytes()[:-1])
    [problem] = committed.read().verify()
    assert problem.startswith(f"{image} is damaged: its SHA-256 begins with")


def test_manifest_of_a_later_format_is_refused(committed):
    from mmselfhuman.pseudo_labels.manifest import read_manifest, seal

    path = committed.root / "rounds/000000/manifest.json"
    path.write_bytes(seal({**read_manifest(path), "format": 2}))
    with pytest.raises(PseudoLabelError, match=r"manifest\.json has format 2, this version reads 1"):
        committed.read()


def wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def write_slowly(store, ready):
    def frames():
        yield label(0)
        yield label(1)
        ready.set()
        time.sleep(300)

    store.begin_round(0, {}).write_clip("one", frames())


def test_killed_writer_leaves_nothing_that_counts_and_is_tidied_up_after(store):
    ready = WRITERS.Event()
    process = WRITERS.Process(target=write_slowly, args=(store, ready))
    process.start()
    assert ready.wait(120)
    (clip,) = (name for name in parts(tree(store.root)) if name.startswith("rounds/"))
    # While it lives, nobody takes its file away.
    assert not store.begin_round(0, {}).has("one")
    assert clip in parts(tree(store.root))
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    writer = store.begin_round(0, {})
    assert parts(tree(store.root)) == []
    assert not writer.has("one")
    writer.write_clip("one", [label(0), label(1)])
    assert writer.commit().verify() == []


def test_leftovers_of_other_machines_are_deleted_when_nobody_writes(store):
    writer = store.begin_round(0, {})
    writer.write_clip("one", [label(0)])
    alien = store.root / "rounds/000000/clips/.one.zip.elsewhere.1.partial"
    alien.write_bytes(b"half")
    assert socket.gethostname() != "elsewhere"
    store.begin_round(0, {})
    assert alien.exists()
    writer.commit()
    assert not alien.exists()


def write_with_little_space(store, limit, answer):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        store.begin_round(0, {}).write_clip("one", [label(frame) for frame in range(8)])
        answer.put("written")
    except OSError as error:
        answer.put(str(error))


@pytest.mark.parametrize(("limit", "culprit"), [(40, r"frames/one/00000000-"), (400, r"clips/one\.zip")])
def test_full_disk_is_named_and_leaves_no_half_file(store, limit, culprit):
    answer = WRITERS.SimpleQueue()
    process = WRITERS.Process(target=write_with_little_space, args=(store, limit, answer))
    process.start()
    process.join(60)
    assert re.search(culprit, answer.get())
    assert [name for name in tree(store.root) if not name.startswith("frames") or ".partial" in name] == []


def test_error_of_whoever_makes_the_labels_passes_unchanged(store):
    def labels():
        yield label(0)
        raise OSError(28, "no space for flow", "/tmp/flow")

    writer = store.begin_round(0, {})
    with pytest.raises(OSError, match="no space for flow: '/tmp/flow'"):
        writer.write_clip("one", labels())
    assert not writer.has("one")


def write_share(store, share):
    writer = store.begin_round(0, {"model": "a"})
    for number in share:
        if not writer.has(f"clip/{number}"):
            writer.write_clip(f"clip/{number}", [label(frame + number) for frame in range(4)])


def test_processes_write_one_round_together_as_one_process_does(tmp_path):
    trees = []
    for shares in ([range(9)], [range(0, 9, 3), range(1, 9, 3), range(2, 9, 3)]):
        store = PseudoLabelStore(tmp_path / str(len(shares)))
        processes = [WRITERS.Process(target=write_share, args=(store, share)) for share in shares]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0] * len(shares)
        store.begin_round(0, {"model": "a"}).commit()
        trees.append(tree(store.root))
    assert len(trees[0]) == 9 * 5 + 1
    assert trees[0] == trees[1]


def write_until_killed(store):
    for number in range(200):
        writer = store.begin_round(0, {"number": 0})
        writer.write_clip(f"clip{number % 5}", [label(frame) for frame in range(5)])


def test_writers_killed_at_random_moments_leave_whole_clips_only(store):
    for delay in (0.01, 0.02, 0.03, 0.05):
        process = WRITERS.Process(target=write_until_killed, args=(store,))
        process.start()
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    writer = store.begin_round(0, {"number": 0})
    assert parts(tree(store.root)) == []
    for number in range(5):
        if not writer.has(f"clip{number}"):
            assert not (store.root / f"rounds/000000/clips/clip{number}.zip").exists()
            writer.write_clip(f"clip{number}", [label(frame) for frame in range(5)])
    reader = writer.commit()
    assert (len(reader), reader.verify()) == (25, [])
