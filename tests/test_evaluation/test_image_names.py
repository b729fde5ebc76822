import pytest

from mmselfhuman.evaluation.image_names import ImageNames


@pytest.mark.parametrize(
    ("known", "path", "expected"),
    [
        (["a.jpg"], "a.jpg", "a.jpg"),
        (["a.jpg"], "/data/ochuman/images/a.jpg", "a.jpg"),
        (["a.jpg"], "C:\\data\\a.jpg", "a.jpg"),
        (["images/a.jpg"], "a.jpg", "images/a.jpg"),
        (["val/a.jpg", "train/a.jpg"], "/data/train/a.jpg", "train/a.jpg"),
        (["a.jpg", "train/a.jpg"], "/data/train/a.jpg", "train/a.jpg"),
        (["val/a.jpg"], "/data/train/a.jpg", None),
        (["aa.jpg"], "a.jpg", None),
        ([], "a.jpg", None),
    ],
)
def test_image_is_found_however_its_path_is_spelled(known, path, expected):
    assert ImageNames(known).find(path) == expected


def test_path_that_fits_two_images_is_an_error_that_names_them():
    with pytest.raises(ValueError, match=r"'a\.jpg' could be about 'val/a\.jpg' or 'train/a\.jpg'"):
        ImageNames(["val/a.jpg", "train/a.jpg"]).find("a.jpg")
