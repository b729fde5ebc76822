"""Stores of strangers, whose checksums fit whatever they have put in: read rightly or refused by name."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hostile import FUZZ, VALUES, may_refuse, places, replaced, to_text
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from mmselfhuman.pseudo_labels import PseudoLabelError, PseudoLabelStore
from mmselfhuman.pseudo_labels.manifest import MANIFEST
from mmselfhuman.structures import PseudoLabel, PseudoPerson

HEIGHT, WIDTH = 6, 8
FRAME, HEADER = "00000000.json", "clip.json"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PseudoLabelStore:
    store = PseudoLabelStore(tmp_path_factory.mktemp("stranger") / "store", image_format="png")
    mask = coco_mask.encode(np.asfortranarray(np.eye(HEIGHT, WIDTH, dtype=np.uint8)))
    pose = np.column_stack([np.arange(17) % 8, np.arange(17) % 6, np.full(17, 0.5)]).astype(np.float32)
    person = PseudoPerson(0.9, mask, pose, visibility=np.full(17, 2, np.uint8), track_id=1)
    maps = {"semantic": np.eye(HEIGHT, WIDTH, dtype=np.uint8), "confidence": np.full((HEIGHT, WIDTH), 255, np.uint8)}
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    writer = store.begin_round(0, {"made_by": "a stranger"})
    writer.write_clip("clip", [PseudoLabel(0, HEIGHT, WIDTH, image, persons=(person,), **maps)])
    writer.commit({"about": "a round"})
    return store


@pytest.fixture(scope="module")
def entries(store: PseudoLabelStore) -> dict[str, bytes]:
    """What the clip holds as it was written."""
    with zipfile.ZipFile(_folder(store) / "clips" / "clip.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _folder(store: PseudoLabelStore) -> Path:
    return store.root / "rounds" / "000000"


ENTRIES: dict[str, list[tuple]] = {
    FRAME: [("persons", 0, key) for key in ("box", "mask", "score", "keypoints", "visibility", "track_id", "crowd")]
    + [("persons", 0, "mask", key) for key in ("size", "counts")]
    + [("persons", 0, "keypoints", 3), ("persons", 0, "visibility", 3), ("persons", 0, "box", 2), ("persons", 0)]
    + [(key,) for key in ("persons", "frame", "height", "width", "image", "provenance", "confidence_stride")],
    HEADER: [(key,) for key in ("format", "round", "provenance", "video", "frames", "persons", "confidence_stride")],
}


@pytest.fixture
def with_entries(store: PseudoLabelStore, entries: dict[str, bytes]) -> Callable[[dict[str, bytes]], None]:
    """Puts other entries into the clip, and makes the manifest's checksums fit."""

    def put(entries: dict[str, bytes]) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name, text in entries.items():
                archive.writestr(name, text)
        clip = content.getvalue()
        (_folder(store) / "clips" / "clip.zip").write_bytes(clip)
        manifest = json.loads((_folder(store) / MANIFEST).read_text())
        manifest["clips"][0].update(sha256=hashlib.sha256(clip).hexdigest(), bytes=len(clip))
        _write_manifest(store, manifest)

    yield put
    put(entries)


def _write_manifest(store: PseudoLabelStore, manifest: dict) -> None:
    body = {key: value for key, value in manifest.items() if key != "sha256"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":")) + "\n"
    body["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (_folder(store) / MANIFEST).write_text(json.dumps(body, sort_keys=True, separators=(",", ":")) + "\n")


def _check(label: PseudoLabel, store: PseudoLabelStore) -> None:
    """What holds for every label that may be learned."""
    assert label.semantic is None or label.semantic.shape == (label.height, label.width)
    assert label.confidence is None or label.confidence.shape == (label.height, label.width)
    assert Path(label.image).resolve().is_relative_to(store.images.folder.resolve())
    for person in label.persons or ():
        assert 0 <= person.score <= 1
        assert np.isfinite(person.box).all()
        assert person.keypoints is None or np.isfinite(person.keypoints).all()
        if person.mask is not None:
            assert coco_mask.decode(person.mask).shape == (label.height, label.width)


@FUZZ
@given(place=st.sampled_from([(name, path) for name, paths in ENTRIES.items() for path in paths]), value=VALUES)
def test_wrong_values_in_a_clip(
    place: tuple,
    value: object,
    store: PseudoLabelStore,
    entries: dict[str, bytes],
    with_entries: Callable[[dict[str, bytes]], None],
) -> None:
    name, path = place
    changed = replaced(json.loads(entries[name]), path, value)
    with_entries({**entries, name: to_text(changed).encode()})
    with may_refuse(PseudoLabelError, "clip.zip"):
        for label in store.read(0):
            _check(label, store)


@FUZZ
@given(value=VALUES, data=st.data())
def test_wrong_values_in_a_manifest(value: object, data: st.DataObject, store: PseudoLabelStore) -> None:
    path = _folder(store) / MANIFEST
    whole = path.read_bytes()
    manifest = json.loads(whole)
    place = data.draw(st.sampled_from(sorted(places(manifest), key=str)))
    try:
        _write_manifest(store, replaced(manifest, place, value))
        with may_refuse(PseudoLabelError, MANIFEST, "/clips/"):
            for label in store.read(0):
                _check(label, store)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("image", ["../../../secret.png", "/etc/hostname", "clip/../../a.png", "C:\\a.png", "a\0.png"])
def test_pixels_outside_the_store_are_refused(
    image: str, store: PseudoLabelStore, entries: dict[str, bytes], with_entries: Callable[[dict[str, bytes]], None]
) -> None:
    changed = {**json.loads(entries[FRAME]), "image": image}
    with_entries({**entries, FRAME: json.dumps(changed).encode()})
    with pytest.raises(PseudoLabelError, match=r"clip\.zip is damaged: 00000000\.json is not as expected"):
        store.read(0)[0]


@pytest.mark.parametrize("video", ["../clip", "/clip", "a/../../clip", "C:clip"])
def test_clips_outside_the_store_are_refused(video: str, store: PseudoLabelStore) -> None:
    path = _folder(store) / MANIFEST
    whole = path.read_bytes()
    _write_manifest(store, replaced(json.loads(whole), ("clips", 0, "video"), video))
    with pytest.raises(PseudoLabelError, match=r"manifest\.json is damaged: it is not as expected"):
        store.read(0)
    path.write_bytes(whole)


def test_maps_that_fill_the_memory_are_not_decoded(
    store: PseudoLabelStore, entries: dict[str, bytes], with_entries: Callable[[dict[str, bytes]], None]
) -> None:
    bomb = cv2.imencode(".png", np.zeros((4000, 4000), np.uint8))[1].tobytes()
    with_entries({**entries, "00000000.semantic.png": bomb})
    with pytest.raises(PseudoLabelError, match="is no grey image of 8 x 6"):
        store.read(0)[0]
    stretched = {**json.loads(entries[FRAME]), "confidence_stride": 10**6}
    with_entries({**entries, FRAME: json.dumps(stretched).encode()})
    with pytest.raises(PseudoLabelError, match="has confidence_stride 1000000"):
        store.read(0)[0]


def test_packed_entries_are_not_unpacked(store: PseudoLabelStore, entries: dict[str, bytes]) -> None:
    path = _folder(store) / "clips" / "clip.zip"
    whole = path.read_bytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    manifest_path = _folder(store) / MANIFEST
    manifest_bytes = manifest_path.read_bytes()
    manifest = json.loads(manifest_bytes)
    manifest["clips"][0]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    _write_manifest(store, manifest)
    with pytest.raises(PseudoLabelError, match="an entry is compressed"):
        store.read(0)[0]
    path.write_bytes(whole)
    manifest_path.write_bytes(manifest_bytes)
