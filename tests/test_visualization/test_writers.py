"""Files are written entirely or not at all, and say what was put into them."""

import cv2
import numpy as np
import pytest

from mmselfhuman.visualization import write_image, write_video
from mmselfhuman.visualization.writers import VIDEO_CODES


def _frames(count: int = 6, size: tuple[int, int] = (48, 64)):
    return [np.full((*size, 3), 40 * t, np.uint8) for t in range(count)]


def _read(path) -> list[float]:
    capture = cv2.VideoCapture(str(path))
    levels = []
    while True:
        read, frame = capture.read()
        if not read:
            return levels
        levels.append(frame.mean())


@pytest.mark.parametrize("suffix", [*VIDEO_CODES, ".gif"])
def test_every_kind_of_video_holds_its_frames(tmp_path, suffix):
    path = tmp_path / "new" / f"v{suffix}"
    write_video(path, iter(_frames()), fps=10)
    assert _read(path) == pytest.approx([40 * t for t in range(6)], abs=4)
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) == pytest.approx(10)


def test_odd_sizes_can_be_written(tmp_path):
    for suffix in (".mp4", ".avi", ".webm", ".gif"):
        write_video(tmp_path / f"v{suffix}", _frames(3, (47, 63)), fps=5)
        assert len(_read(tmp_path / f"v{suffix}")) == 3


def test_images_are_written_in_the_format_of_their_suffix(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (5, 6, 3), dtype=np.uint8)
    write_image(tmp_path / "new" / "a.png", image)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "new" / "a.png")), image)
    assert (tmp_path / "new" / "a.png").stat().st_mode & 0o400


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, suffix):
    def failing():
        yield from _frames(2)
        raise RuntimeError("the renderer broke")

    path = tmp_path / f"v{suffix}"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="the renderer broke"):
        write_video(path, failing(), fps=5)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "frames", "fps", "culprit"),
    [
        ("v.mp4", [], 5, r"v\.mp4: there are no frames"),
        ("v.mp4", _frames(1) + _frames(1, (32, 32)), 5, r"frame 1 is \(32, 32, 3\) uint8.*\(48, 64, 3\)"),
        ("v.gif", [np.zeros((4, 4), np.uint8)], 5, r"frame 0 is \(4, 4\)"),
        ("v.avi", [np.zeros((4, 4, 3))], 5, "float64"),
        ("v.mp4", _frames(1), 0, "fps must be positive, got 0"),
        ("v.mp3", _frames(1), 5, r"suffix must be one of \.mp4"),
    ],
)
def test_what_cannot_be_written_is_named_and_leaves_no_file(tmp_path, name, frames, fps, culprit):
    with pytest.raises(ValueError, match=culprit):
        write_video(tmp_path / name, frames, fps)
    assert not list(tmp_path.iterdir())


def test_an_unknown_image_format_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no image format with the suffix '\.txt'"):
        write_image(tmp_path / "a.txt", _frames(1)[0])
