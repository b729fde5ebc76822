"""Which files become clips, in which order, under which names."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmselfhuman.datasets.video.discovery import find_clips, natural_key, unique_names


def _touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def _names(root: Path, recursive: bool = True) -> list[str]:
    return [clip.name for clip in find_clips(root, recursive, lambda *_: None)]


def _skipped(root: Path) -> list[str]:
    skipped = []
    list(find_clips(root, True, lambda path, reason: skipped.append(f"{path.name}: {reason}")))
    return skipped


def test_numbers_in_names_are_ordered_by_value():
    assert sorted(["f10", "f9", "F2", "f1b", "f1a", "f"], key=natural_key) == ["f", "f1a", "f1b", "F2", "f9", "f10"]


@given(st.lists(st.text(max_size=8)))
def test_any_names_can_be_ordered_and_equal_keys_mean_equal_names(names):
    keys = sorted(map(natural_key, names))
    assert [key[1] for key in keys] == sorted(names, key=natural_key)


def test_files_and_frame_folders_are_found_at_any_depth_in_natural_order(tmp_path):
    _touch(tmp_path, "b2.mp4", "b10.AVI", "a/deep/x.webm", "walk/10.jpg", "walk/9.jpg", "walk/notes.txt", ".hidden.mp4")
    assert _names(tmp_path) == ["a/deep/x", "b2", "b10", "walk"]
    walk = list(find_clips(tmp_path, True, lambda *_: None))[-1]
    assert [path.name for path in walk.images] == ["9.jpg", "10.jpg"]


def test_without_recursion_only_the_folder_itself_is_searched(tmp_path):
    _touch(tmp_path, "b.mp4", "a/x.webm", "walk/1.jpg")
    assert _names(tmp_path, recursive=False) == ["b"]
    assert _names(tmp_path / "walk", recursive=False) == ["walk"]


def test_frame_folders_inside_a_frame_folder_are_clips_of_their_own(tmp_path):
    _touch(tmp_path / "shoot", "1.png", "2.png", "close-up/1.png")
    assert _names(tmp_path / "shoot") == ["shoot", "close-up"]


def test_as_many_images_as_videos_are_their_thumbnails(tmp_path):
    _touch(tmp_path, "a.mp4", "a.jpg")
    assert _names(tmp_path) == ["a"]
    assert _skipped(tmp_path) == [f"{tmp_path.name}: images beside videos, taken for thumbnails: 1"]


def test_more_images_than_videos_are_the_frames_of_a_video_of_their_own(tmp_path):
    _touch(tmp_path / "walk", "preview.gif", "1.jpg", "2.jpg")
    assert _names(tmp_path) == ["walk", "walk/preview"]


def test_a_loop_of_links_ends(tmp_path):
    _touch(tmp_path, "a/x.mp4")
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    assert _names(tmp_path) == ["a/x"]


def test_linked_folders_are_followed(tmp_path):
    _touch(tmp_path, "store/x.mp4", "set/readme.txt")
    (tmp_path / "set" / "link").symlink_to(tmp_path / "store")
    assert _names(tmp_path / "set") == ["link/x"]


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("...mp4", "_"),
        (".....mp4", "_"),
        ("a\\..\\b.mp4", "a_.._b"),
        ("c:x.mp4", "c_x"),
        ("line\nbreak.mp4", "line_break"),
        ("Übung 1 (Ende).mp4", "Übung 1 (Ende)"),
        ("no suffix", "no suffix"),
    ],
)
def test_a_name_stays_below_its_folder_on_every_platform(tmp_path, file_name, name):
    _touch(tmp_path, file_name)
    assert _names(tmp_path / file_name) == [name]


def test_the_name_of_a_folder_given_by_dots_is_its_real_one(tmp_path, monkeypatch):
    _touch(tmp_path, "walk/1.jpg", "walk/sub/note.txt")
    monkeypatch.chdir(tmp_path / "walk")
    assert _names(Path()) == ["walk"]
    monkeypatch.chdir(tmp_path / "walk" / "sub")
    assert _names(Path("..")) == ["walk"]


def test_equal_names_are_numbered_also_where_only_case_differs():
    assert unique_names(["a", "b", "A", "a", "a-2"]) == ["a", "b", "A-2", "a-3", "a-2-2"]


@given(st.lists(st.sampled_from(["a", "A", "a-2", "a-2-2", "b/c", "b/C"])))
def test_names_are_unique_and_the_first_of_each_keeps_its_own(names):
    result = unique_names(names)
    assert len({name.casefold() for name in result}) == len(names)
    assert result[:1] == names[:1]


def test_a_single_image_is_not_a_video(tmp_path):
    assert _skipped(_touch(tmp_path, "1.jpg") / "1.jpg") == [
        "1.jpg: a single image; name the folder of the frames instead"
    ]


def test_a_path_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such video.*nowhere"):
        _names(tmp_path / "nowhere")


def test_a_folder_that_may_not_be_searched_is_skipped_with_the_reason(tmp_path, monkeypatch):
    _touch(tmp_path, "a.mp4", "closed/b.mp4")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert _names(tmp_path) == ["a"]
    assert _skipped(tmp_path) == ["closed: cannot be searched: Permission denied"]
