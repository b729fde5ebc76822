import io
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from mmselfhuman.datasets.images import DamagedImageError, read_image


@pytest.fixture
def scene():
    """(48, 64, 3) uint8: smooth, so that JPEG changes it little, and unlike its own rotations."""
    rows, columns = np.mgrid[:48, :64]
    return np.stack([rows * 4, columns * 3, 255 - rows * 2 - columns], axis=-1).astype(np.uint8)


def as_jpeg(image, **options):
    buffer = io.BytesIO()
    Image.fromarray(image[..., ::-1]).save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def as_png(image):
    return cv2.imencode(".png", image)[1].tobytes()


def exif(orientation, thumbnail=b""):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes() + thumbnail


def write(tmp_path, content, name="image"):
    path = tmp_path / name
    path.write_bytes(content)
    return str(path)


def test_png_comes_back_as_stored(tmp_path, scene):
    assert np.array_equal(read_image(write(tmp_path, as_png(scene)), (48, 64)), scene)


def test_grey_image_gets_three_equal_channels(tmp_path, scene):
    read = read_image(write(tmp_path, as_png(scene[..., 0])), (48, 64))
    assert read.shape == (48, 64, 3)
    assert all(np.array_equal(read[..., channel], scene[..., 0]) for channel in range(3))


def test_alpha_is_dropped(tmp_path, scene):
    transparent = np.dstack([scene, np.zeros((48, 64), np.uint8)])
    assert np.array_equal(read_image(write(tmp_path, as_png(transparent)), (48, 64)), scene)


def test_sixteen_bits_become_eight(tmp_path, scene):
    read = read_image(write(tmp_path, as_png(scene.astype(np.uint16) * 257)), (48, 64))
    assert read.dtype == np.uint8
    assert np.abs(read.astype(int) - scene).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_not_applied(tmp_path, scene, orientation):
    path = write(tmp_path, as_jpeg(scene, exif=exif(orientation)))
    assert np.abs(read_image(path, (48, 64)).astype(int) - scene).mean() < 3


def test_other_size_than_annotated_is_damage_that_names_both(tmp_path, scene):
    path = write(tmp_path, as_png(scene))
    with pytest.raises(DamagedImageError, match=re.escape(f"{path} has 64 x 48 pixels, annotated are 48 x 64")):
        read_image(path, (64, 48))


@pytest.mark.parametrize("encode", [as_jpeg, as_png])
def test_every_truncation_is_found(tmp_path, scene, encode):
    content = encode(scene)
    for length in range(1, len(content) - 4, 7):
        path = write(tmp_path, content[:length])
        with pytest.raises(DamagedImageError, match=re.escape(path)):
            read_image(path, (48, 64))


def test_truncation_is_found_behind_a_whole_thumbnail(tmp_path, scene):
    thumbnail = as_jpeg(scene[::4, ::4])
    content = as_jpeg(scene, exif=exif(1, thumbnail))
    assert content.count(b"\xff\xd9") == 2, "the fixture has lost its thumbnail"
    path = write(tmp_path, content[:-20])
    with pytest.raises(DamagedImageError, match=f"truncated after {len(content) - 20} bytes"):
        read_image(path, (48, 64))


def test_bytes_behind_the_end_of_a_jpeg_do_no_harm(tmp_path, scene):
    path = write(tmp_path, as_jpeg(scene) + b"\0" * 100)
    assert read_image(path, (48, 64)).shape == (48, 64, 3)


def test_progressive_jpeg_is_whole(tmp_path, scene):
    assert read_image(write(tmp_path, as_jpeg(scene, progressive=True)), (48, 64)).shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty"), (b"no image at all", "cannot be decoded"), (b"\xff\xd8\xff", "truncated")]
)
def test_what_is_no_image_is_damage(tmp_path, content, reason):
    path = write(tmp_path, content, "picture.jpg")
    with pytest.raises(DamagedImageError, match=reason) as error:
        read_image(path, (48, 64))
    assert path in str(error.value)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "gone.jpg"))):
        read_image(str(tmp_path / "gone.jpg"), (48, 64))


def test_real_images_are_whole(shared_data):
    paths = sorted((shared_data / "coco_persons_mini" / "images" / "val2017").glob("*.jpg"))
    assert len(paths) == 31
    for path in paths:
        stored = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        assert np.array_equal(read_image(str(path), stored.shape[:2]), stored)
