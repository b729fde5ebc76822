"""Unlabelled videos as they come: in order, untouched, never more than a frame at a time; and as they come damaged."""

import logging
import os
import pickle
import re
import tracemalloc
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmselfhuman.datasets.video import UnlabelledVideos, clips
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import sliding_windows
from mmselfhuman.visualization import write_image, write_video

LEVEL = 12  # grey levels between consecutive frames: more than any codec blurs


def _frame(t: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    return np.full((size[1], size[0], 3), LEVEL * t, np.uint8)


def _video(path: Path, times: Iterable[int] = range(20), size: tuple[int, int] = (64, 48)) -> Path:
    write_video(path, (_frame(t, size) for t in times), fps=25)
    return path


def _folder(path: Path, times: Iterable[int] = range(12), size: tuple[int, int] = (64, 48)) -> Path:
    for t in times:
        write_image(path / f"frame{t}.png", _frame(t, size))
    return path


def _noise_video(path: Path) -> Path:
    """Sixty frames that do not compress away, so that damage to the bytes is damage to frames."""
    texture = cv2.resize(np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8), (160, 120))
    write_video(path, (np.roll(texture, 3 * t, axis=1) for t in range(60)), fps=25)
    return path


def _times(clip) -> list[int]:
    """Which frames came, judged by their pixels."""
    return [round(frame.image.mean() / LEVEL) for frame in clip]


def _only(*args, **kwargs):
    (clip,) = UnlabelledVideos(*args, **kwargs)
    return clip


@pytest.fixture
def warnings_logged(monkeypatch):
    lines = []
    for module in ("clips", "unlabelled"):
        monkeypatch.setattr(
            f"mmselfhuman.datasets.video.{module}.print_log",
            lambda message, logger, level: lines.append(message) if level == logging.WARNING else None,
        )
    return lines


class TestIntactVideos:
    @pytest.mark.parametrize("name", ["v.mp4", "v.avi", "v.webm", "v.mkv", "v.mov"])
    def test_every_frame_of_a_file_comes_once_and_in_order(self, tmp_path, name):
        clip = _only(_video(tmp_path / name))
        assert _times(clip) == list(range(20))
        assert [frame.index for frame in clip] == list(range(20))
        assert (clip.info.width, clip.info.height, clip.info.fps, clip.info.num_frames) == (64, 48, 25, 20)

    def test_frames_of_a_folder_come_as_stored_in_natural_order(self, tmp_path):
        clip = _only(_folder(tmp_path / "walk"))
        for t, frame in enumerate(clip):
            np.testing.assert_array_equal(frame.image, _frame(t))
        assert (clip.name, clip.info.num_frames, clip.info.fps) == ("walk", 12, None)

    @pytest.mark.parametrize("make", [lambda p: _video(p / "v.avi", range(12)), lambda p: _folder(p / "v")])
    def test_step_and_cap_choose_frames_and_indices_stay_those_of_the_video(self, tmp_path, make):
        path = make(tmp_path)
        stepped = _only(path, frame_step=5)
        assert _times(stepped) == [frame.index for frame in stepped] == [0, 5, 10]
        assert _times(_only(path, frame_step=2, max_frames=3)) == [0, 2, 4]
        assert _times(_only(path, max_frames=100)) == list(range(12))

    @pytest.mark.parametrize(
        ("resize", "shape"), [((20, 10), (10, 20, 3)), ([20, 10], (10, 20, 3)), (0.5, (24, 32, 3)), (2, (96, 128, 3))]
    )
    def test_frames_are_resized_to_a_size_or_by_a_factor(self, tmp_path, resize, shape):
        clip = _only(_folder(tmp_path / "walk"), resize=resize)
        assert {frame.image.shape for frame in clip} == {shape}
        assert _times(clip) == list(range(12))

    @pytest.mark.parametrize(("long_side", "shape"), [(32, (24, 32, 3)), (64, (48, 64, 3)), (100, (48, 64, 3))])
    def test_frames_with_a_longer_side_than_wanted_are_shrunk_in_proportion(self, tmp_path, long_side, shape):
        clip = _only(_folder(tmp_path / "walk"), long_side=long_side)
        assert {frame.image.shape for frame in clip} == {shape}

    def test_files_and_folders_mix_and_a_path_given_twice_is_read_once(self, tmp_path):
        _video(tmp_path / "set" / "b.avi")
        _folder(tmp_path / "set" / "a")
        videos = UnlabelledVideos([tmp_path / "set" / "b.avi", tmp_path / "set", str(tmp_path)])
        assert [clip.name for clip in videos] == ["b", "a"]
        assert str(videos.report) == "nothing was skipped"

    def test_a_config_builds_them(self, tmp_path):
        path = _video(tmp_path / "v.avi")
        videos = DATASETS.build({"type": "UnlabelledVideos", "paths": [str(path)], "resize": [32, 24]})
        assert next(iter(videos[0])).image.shape == (24, 32, 3)

    def test_a_video_of_one_frame_is_a_video(self, tmp_path):
        clip = _only(_video(tmp_path / "v.mp4", [3]))
        assert [w.center_frame.index for w in sliding_windows(clip, 3)] == [0]

    def test_a_clip_can_be_read_again_and_twice_at_a_time(self, tmp_path):
        clip = _only(_video(tmp_path / "v.avi"))
        assert all(first.index == second.index for first, second in zip(clip, clip, strict=True))

    def test_frames_are_the_callers_to_keep(self, tmp_path):
        first, second = islice(_only(_video(tmp_path / "v.avi")), 2)
        second.image[:] = 255
        assert first.image.mean() < LEVEL

    def test_videos_travel_to_the_workers_of_a_loader(self, tmp_path):
        videos = pickle.loads(pickle.dumps(UnlabelledVideos(_video(tmp_path / "v.avi"))))
        assert _times(videos[0]) == list(range(20))

    def test_memory_does_not_grow_with_the_number_of_frames(self, tmp_path):
        def peak(frames: int) -> int:
            clip = _only(_video(tmp_path / f"{frames}.avi", (t % 20 for t in range(frames)), (320, 240)))
            tracemalloc.start()
            for _ in sliding_windows(clip, 3):
                pass
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return most

        assert peak(200) < 1.1 * peak(20)

    def test_the_last_seconds_of_sound_are_not_missing_frames(self, tmp_path, monkeypatch):
        clip = _only(_video(tmp_path / "v.webm"))
        object.__setattr__(clip.info, "num_frames", 20 + 25)
        assert len(list(clip)) == 20
        assert not clip._report.damaged


class TestDamage:
    def test_a_text_file_among_videos_is_skipped_and_named(self, tmp_path, warnings_logged):
        _video(tmp_path / "good.avi")
        (tmp_path / "text_001.mp4").write_text("this is no video\n" * 50)
        videos = UnlabelledVideos(tmp_path)
        assert [clip.name for clip in videos] == ["good"]
        (skipped,) = videos.report.skipped
        assert skipped.path == str(tmp_path / "text_001.mp4")
        assert re.search(r"skipped 1 path: .*text_001\.mp4 \(not a video that OpenCV can decode", warnings_logged[0])

    @pytest.mark.parametrize("content", [b"", b"this is no video\n" * 50])
    def test_a_file_that_is_no_video_is_an_error_when_alone(self, tmp_path, content):
        path = tmp_path / "text.mp4"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"no video can be read from .*text\.mp4: .*(not a video|is empty)"):
            UnlabelledVideos(path)

    def test_an_mp4_cut_off_before_its_index_is_an_error_when_alone(self, tmp_path):
        path = _noise_video(tmp_path / "v.mp4")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(ValueError, match=r"v\.mp4 \(not a video that OpenCV can decode, or cut off"):
            UnlabelledVideos(path)

    def test_frames_before_the_cut_are_read_and_those_after_it_counted(self, tmp_path, warnings_logged):
        path = _noise_video(tmp_path / "v.avi")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        videos = UnlabelledVideos(path)
        indices = [frame.index for frame in videos[0]]
        assert indices == list(range(len(indices)))
        assert 20 < len(indices) < 40
        assert videos.report.num_damaged_frames == 60 - len(indices)
        assert f"v.avi: {60 - len(indices)} frames cannot be decoded" in warnings_logged[0]
        assert f"it ends after {len(indices)} of the 60 frames announced" in warnings_logged[0]

    def test_frames_behind_the_damage_are_read_and_keep_their_number(self, tmp_path, monkeypatch):
        clip = _only(_video(tmp_path / "v.avi"))
        monkeypatch.setattr(clips, "cv2", _FailingOpenCV({4, 5, 9}))
        good = [t for t in range(20) if t not in (4, 5, 9)]
        frames = list(clip)
        assert [frame.index for frame in frames] == good
        assert [round(frame.image.mean() / LEVEL) for frame in frames] == good
        assert clip._report.damaged == {"v": {4: "frame 4", 5: "frame 5", 9: "frame 9"}}

    def test_a_video_that_begins_with_damage_is_read_from_the_first_good_frame(self, tmp_path, monkeypatch):
        path = _video(tmp_path / "v.avi")
        monkeypatch.setattr(clips, "cv2", _FailingOpenCV({0, 1}))
        clip = _only(path)
        assert [frame.index for frame in clip] == list(range(2, 20))
        assert list(clip._report.damaged["v"]) == [0, 1]

    def test_a_video_without_a_single_good_frame_is_no_clip(self, tmp_path, monkeypatch):
        path = _video(tmp_path / "v.avi")
        monkeypatch.setattr(clips, "cv2", _FailingOpenCV(set(range(200))))
        with pytest.raises(ValueError, match=r"v\.avi \(no frame can be decoded\)"):
            UnlabelledVideos(path)

    def test_only_wanted_frames_count_as_damaged(self, tmp_path, monkeypatch):
        clip = _only(_video(tmp_path / "v.avi"), frame_step=4)
        monkeypatch.setattr(clips, "cv2", _FailingOpenCV({4, 5, 9}))
        assert [frame.index for frame in clip] == [0, 8, 12, 16]
        assert list(clip._report.damaged["v"]) == [4]

    def test_zeroed_bytes_in_a_real_stream_lose_some_frames_and_no_more(self, tmp_path):
        path = _noise_video(tmp_path / "v.mp4")
        content = bytearray(path.read_bytes())
        start, end = round(0.45 * len(content)), round(0.5 * len(content))
        content[start:end] = bytes(end - start)
        path.write_bytes(content)
        videos = UnlabelledVideos(path)
        indices = [frame.index for frame in videos[0]]
        assert 50 <= len(indices) < 60
        assert indices[-1] == 59
        assert videos.report.num_damaged_frames == 60 - len(indices)

    def test_damaged_images_are_left_out_counted_once_and_named(self, tmp_path, warnings_logged):
        folder = _folder(tmp_path / "walk")
        (folder / "frame2.png").write_bytes((folder / "frame2.png").read_bytes()[:60])
        (folder / "frame7.png").write_bytes(b"")
        videos = UnlabelledVideos(folder)
        for _ in range(2):
            assert [frame.index for frame in videos[0]] == [0, 1, 3, 4, 5, 6, 8, 9, 10, 11]
        assert videos.report.num_damaged_frames == 2
        assert len(warnings_logged) == 1
        assert "2 frames cannot be decoded and left out: frame2.png, frame7.png" in warnings_logged[0]
        assert "2 frames could not be decoded, in: walk (2)" in str(videos.report)

    def test_damage_met_before_the_reader_stops_is_told(self, tmp_path):
        folder = _folder(tmp_path / "walk")
        (folder / "frame1.png").write_bytes(b"")
        videos = UnlabelledVideos(folder)
        list(islice(videos[0], 3))
        assert videos.report.damaged == {"walk": {1: "frame1.png"}}

    def test_a_folder_whose_first_image_is_damaged_still_has_a_size(self, tmp_path):
        folder = _folder(tmp_path / "walk")
        (folder / "frame0.png").write_bytes(b"no image")
        clip = _only(folder)
        assert (clip.info.width, clip.info.height) == (64, 48)
        assert next(iter(clip)).index == 1

    def test_a_folder_without_a_single_good_image_is_no_clip(self, tmp_path):
        (tmp_path / "1.jpg").write_bytes(b"no image")
        with pytest.raises(ValueError, match="none of its 1 images can be decoded"):
            UnlabelledVideos(tmp_path)

    def test_two_frame_sizes_in_a_folder_are_an_error_that_names_the_file(self, tmp_path):
        folder = _folder(tmp_path / "walk", range(3))
        _folder(folder, range(3, 5), size=(32, 48))
        with pytest.raises(ValueError, match=r"frame3\.png is 32x48, but the frames of this folder began with 64x48"):
            list(_only(folder))

    def test_a_file_that_may_not_be_read_is_skipped_with_the_reason(self, tmp_path, monkeypatch):
        _video(tmp_path / "open.avi")
        _video(tmp_path / "secret.avi")
        access = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: "secret" not in str(path) and access(path, mode))
        videos = UnlabelledVideos(tmp_path)
        assert [clip.name for clip in videos] == ["open"]
        assert "no permission to read" in videos.report.skipped[0].reason

    def test_a_file_that_is_gone_when_it_is_read_is_named(self, tmp_path):
        path = _video(tmp_path / "v.avi")
        clip = _only(path)
        path.unlink()
        with pytest.raises(ValueError, match=r"v\.avi: not a video"):
            list(clip)

    def test_a_link_to_nothing_is_skipped(self, tmp_path):
        _video(tmp_path / "v.avi")
        (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
        assert "gone.mp4" in str(UnlabelledVideos(tmp_path).report)

    def test_stderr_stays_silent_about_broken_files(self, tmp_path, capfd, warnings_logged):
        (tmp_path / "text_001.mp4").write_text("this is no video\n" * 50)
        path = _noise_video(tmp_path / "v.avi")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        capfd.readouterr()
        for clip in UnlabelledVideos(tmp_path):
            list(clip)
        assert capfd.readouterr().err == ""


class TestMistakes:
    def test_an_empty_folder_is_named(self, tmp_path):
        with pytest.raises(ValueError, match=rf"{tmp_path}: nothing in it looks like a video or a frame"):
            UnlabelledVideos(tmp_path)

    def test_no_paths_at_all_are_an_error(self):
        with pytest.raises(ValueError, match="an empty list"):
            UnlabelledVideos([])

    def test_a_missing_path_is_an_error_even_among_good_ones(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            UnlabelledVideos([_video(tmp_path / "v.avi"), tmp_path / "nowhere"])

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("frame_step", 0),
            ("frame_step", 1.5),
            ("max_frames", 0),
            ("resize", 0),
            ("resize", (64,)),
            ("resize", (64, 0)),
            ("resize", "half"),
            ("resize", True),
            ("long_side", 0.5),
        ],
    )
    def test_arguments_out_of_range_are_named(self, tmp_path, name, value):
        with pytest.raises(ValueError, match=f"{name}.* got "):
            UnlabelledVideos(_folder(tmp_path), **{name: value})


class TestRealVideos:
    def test_the_clips_have_the_frames_that_they_announce(self, shared_data):
        videos = UnlabelledVideos(shared_data / "videos", resize=0.25)
        counts = {clip.name: sum(len(w) == 3 for w in sliding_windows(clip, 3, "replicate")) for clip in videos}
        assert counts == {clip.name: clip.info.num_frames for clip in videos}
        assert counts["sam2_juggle"] == 247
        assert str(videos.report) == "nothing was skipped"

    def test_frame_folders_are_read_in_the_order_of_their_files(self, shared_data):
        folder = shared_data / "davis_people" / "JPEGImages"
        videos = UnlabelledVideos(folder, max_frames=2, frame_step=40)
        assert [clip.name for clip in videos] == ["dance-twirl", "parkour"]
        expected = cv2.imread(str(folder / "parkour" / "00040.jpg"))
        np.testing.assert_array_equal(list(videos[1])[1].image, expected)

    def test_a_cut_mp4_gives_its_frames_up_to_the_cut(self, shared_data, tmp_path):
        content = (shared_data / "videos" / "sam2_juggle.mp4").read_bytes()
        (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 4])
        videos = UnlabelledVideos(tmp_path, resize=0.1)
        count = len(list(videos[0]))
        assert 0 < count < 247
        assert videos.report.num_damaged_frames == 247 - count


class _FailingOpenCV:
    """OpenCV whose decoder gives up on some frames, as FFmpeg does where the stream is damaged."""

    def __init__(self, failing: set[int]) -> None:
        self._failing = failing

    def VideoCapture(self, path: str) -> "_FailingCapture":
        return _FailingCapture(cv2.VideoCapture(path), self._failing)

    def __getattr__(self, name: str):
        return getattr(cv2, name)


class _FailingCapture:
    def __init__(self, capture: cv2.VideoCapture, failing: set[int]) -> None:
        self._capture, self._failing, self._index = capture, failing, -1

    def grab(self) -> bool:
        self._index += 1
        return self._capture.grab() and self._index not in self._failing

    def __getattr__(self, name: str):
        return getattr(self._capture, name)
