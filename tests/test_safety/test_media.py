"""Images and videos of strangers: decoded, or refused by name, in bounded memory and time."""

import io
import json
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hostile import FUZZ, damaged, may_refuse
from hypothesis import given, settings
from hypothesis import strategies as st

from mmselfhuman.datasets import UnlabelledVideos
from mmselfhuman.datasets.images import DamagedImageError, read_image
from mmselfhuman.engine.hooks.gbsr_hook import read_boxes
from mmselfhuman.engine.label_making import StoredPredictions
from mmselfhuman.structures import Frame

HEIGHT, WIDTH, FRAMES = 32, 48, 12


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory, pixels: np.ndarray) -> bytes:
    path = tmp_path_factory.mktemp("video") / "whole.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (WIDTH, HEIGHT))
    for index in range(FRAMES):
        writer.write(np.roll(pixels, index, axis=1))
    writer.release()
    return path.read_bytes()


@FUZZ
@given(seed=st.integers(0, 2**32), suffix=st.sampled_from([".jpg", ".png", ".bmp", ".webp", ".tiff"]))
def test_damaged_images(seed: int, suffix: str, pixels: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / f"image{suffix}"
    path.write_bytes(damaged(cv2.imencode(suffix, pixels)[1].tobytes(), seed))
    with may_refuse(DamagedImageError, str(path)):
        image = read_image(str(path), (HEIGHT, WIDTH))
        assert (image.shape, image.dtype) == (pixels.shape, np.uint8)


@settings(FUZZ, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_damaged_videos(seed: int, video: bytes, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(damaged(video, seed))
    with may_refuse(ValueError, str(path)):
        [clip] = UnlabelledVideos(path)
        size = clip.info.height, clip.info.width, 3
        indices = []
        for frame in clip:
            assert (frame.image.shape, frame.image.dtype) == (size, np.uint8)
            indices.append(frame.index)
        assert indices == sorted(set(indices))
        assert len(indices) <= 10 * FRAMES


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9])
def test_videos_cut_off_anywhere(share: float, video: bytes, pixels: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(video[: int(share * len(video))])
    with pytest.raises(ValueError, match=r"no video can be read from .*video\.mp4"):
        UnlabelledVideos(path)


def test_images_that_fill_the_memory_are_not_decoded(tmp_path: Path) -> None:
    for sides in ((12_000, 12_000), (60_000, 60_000)):
        path = tmp_path / "bomb.png"
        path.write_bytes(_empty_png(*sides))
        assert path.stat().st_size < 1000
        with pytest.raises(DamagedImageError, match=r"bomb\.png (announces|is too large)"):
            read_image(str(path))


def _empty_png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(64))), chunk(b"IEND", b"")]
    )


def test_frames_of_a_folder_are_not_followed_out_of_memory(tmp_path: Path, pixels: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), pixels)
    (tmp_path / "1.png").write_bytes(_empty_png(60_000, 60_000))
    videos = UnlabelledVideos(tmp_path)
    assert [frame.index for frame in videos[0]] == [0]
    assert videos.report.num_damaged_frames == 1


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    (tmp_path / "clip").mkdir()
    return tmp_path / "clip" / "0.npz"


def _predicted(path: Path) -> torch.Tensor:
    stored = StoredPredictions(path.parents[1])
    return stored("clip", [Frame(0, np.zeros((HEIGHT, WIDTH, 3), np.uint8))])[0]


@FUZZ
@given(seed=st.integers(0, 2**32))
def test_damaged_logits(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("predictions") / "clip" / "0.npz"
    path.parent.mkdir()
    content = io.BytesIO()
    np.savez_compressed(content, logits=np.zeros((2, 3, 4), np.float32))
    path.write_bytes(damaged(content.getvalue(), seed))
    with may_refuse(ValueError, str(path)):
        logits = _predicted(path)
        assert (logits.shape[0], logits.ndim, logits.dtype) == (2, 3, torch.float32)


def test_logits_that_are_a_pickle_are_not_loaded(predictions: Path) -> None:
    np.savez(predictions, logits=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match=r"0\.npz cannot be read: Object arrays cannot be loaded"):
        _predicted(predictions)


def test_logits_that_fill_the_memory_are_not_unpacked(predictions: Path) -> None:
    np.savez_compressed(predictions, logits=np.zeros((2, 1, 2**24), np.float64))
    assert predictions.stat().st_size < 2**20
    with pytest.raises(ValueError, match=r"0\.npz cannot be read: an array in it has 268\d+ bytes"):
        _predicted(predictions)


@FUZZ
@given(seed=st.integers(0, 2**32))
def test_damaged_boxes(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    path.write_bytes(damaged(json.dumps({"clip": {"0": [[1, 2, 3, 4]], "12": []}}).encode(), seed))
    with may_refuse(ValueError, str(path)):
        boxes = read_boxes(path)
        assert all(rows.shape[1:] == (4,) for frames in boxes.values() for rows in frames.values())
