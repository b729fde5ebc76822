"""The files are what docs/pseudo_labels.md says, read without this package."""

import hashlib
import io
import json
import zipfile

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask
from store_toys import label

from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import UNSURE, PseudoPerson


def test_store_is_read_with_the_standard_library_and_pillow(tmp_path):
    semantic = np.tile(np.array([0, 1, 19, UNSURE, 0, 0, 0], np.uint8), (5, 1))
    confidence = np.full((5, 7), 100, np.uint8)
    mask = coco_mask.encode(np.asfortranarray(semantic == 1).astype(np.uint8))
    keypoints = np.full((17, 3), 0.1, np.float32)
    person = PseudoPerson(0.25, mask, keypoints, np.full(17, 1, np.uint8), track_id=4)
    labels = [
        label(3, semantic=semantic, confidence=confidence, persons=(person,), provenance={"why": 1}),
        label(12, persons=()),
        label(13),
    ]
    writer = PseudoLabelStore(tmp_path).begin_round(2, {"model": "a"})
    writer.write_clip("day/one", labels)
    writer.commit({"agreement": 1})

    manifest = json.loads((tmp_path / "rounds/000002/manifest.json").read_bytes())
    stated = manifest.pop("sha256")
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")) + "\n"
    assert hashlib.sha256(text.encode()).hexdigest() == stated
    content = (tmp_path / "rounds/000002/clips/day/one.zip").read_bytes()
    clip = {
        "video": "day/one",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "frames": [3, 12, 13],
        "persons": [1, 0, None],
    }
    shared = {"format": 1, "round": 2, "provenance": {"model": "a"}}
    assert manifest == {**shared, "summary": {"agreement": 1}, "clips": [clip]}

    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.namelist() == [
        "00000003.json",
        "00000003.semantic.png",
        "00000003.confidence.png",
        "00000012.json",
        "00000013.json",
        "clip.json",
    ]
    assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    frames = {"video": "day/one", "frames": [3, 12, 13], "persons": [1, 0, None]}
    assert json.loads(archive.read("clip.json")) == {**shared, **frames, "confidence_stride": 4}
    assert np.array_equal(Image.open(archive.open("00000003.semantic.png")), semantic)
    assert np.array_equal(Image.open(archive.open("00000003.confidence.png")), [[102, 102], [102, 102]])
    frame = json.loads(archive.read("00000003.json"))
    image = (tmp_path / "frames" / frame.pop("image")).read_bytes()
    [name] = (path.name for path in (tmp_path / "frames/day/one").glob("00000003*"))
    assert name == f"00000003-{hashlib.sha256(image).hexdigest()[:16]}.jpg"
    assert frame == {
        "frame": 3,
        "height": 5,
        "width": 7,
        "confidence_stride": 4,
        "provenance": {"why": 1},
        "persons": [
            {
                "score": 0.25,
                "box": [1, 0, 1, 5],
                "track_id": 4,
                "crowd": False,
                "mask": {"size": [5, 7], "counts": mask["counts"].decode()},
                "keypoints": [0.1] * 51,
                "visibility": [1] * 17,
            }
        ],
    }
    assert [json.loads(archive.read(f"000000{frame}.json"))["persons"] for frame in (12, 13)] == [[], None]
