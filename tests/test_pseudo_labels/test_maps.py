"""Confidence that is kept coarser than it is."""

import numpy as np
import pytest

from mmselfhuman.pseudo_labels.maps import coarsen, decode_map, encode_map, refine

VALUES = np.random.default_rng(0).integers(0, 256, (11, 14), np.uint8)


@pytest.mark.parametrize("stride", [1, 2, 4, 16])
def test_coarse_values_are_the_rounded_means_of_their_squares(stride):
    found = coarsen(VALUES, stride)
    rows, columns = (np.minimum(np.arange(-(-n // stride) * stride), n - 1) for n in VALUES.shape)
    padded = VALUES[rows][:, columns].astype(float)
    for y in range(found.shape[0]):
        for x in range(found.shape[1]):
            mean = padded[y * stride : (y + 1) * stride, x * stride : (x + 1) * stride].mean()
            assert found[y, x] == np.floor(mean / 17 + 0.5) * 17


@pytest.mark.parametrize("stride", [1, 3, 4])
def test_certainty_and_its_absence_stay_exact(stride):
    for value in (0, 255):
        coarse = coarsen(np.full((11, 14), value, np.uint8), stride)
        assert np.array_equal(refine(coarse, 11, 14, stride), np.full((11, 14), value))


def test_smooth_confidence_comes_back_nearly():
    y, x = np.mgrid[:40, :60]
    smooth = (127 + 120 * np.sin(x / 12) * np.cos(y / 12)).astype(np.uint8)
    error = np.abs(refine(coarsen(smooth, 4), 40, 60, 4).astype(int) - smooth)
    assert error.mean() < 6
    assert error.max() < 30


def test_map_is_decoded_only_if_it_is_grey_with_8_bits():
    assert np.array_equal(decode_map(encode_map(VALUES), VALUES.shape), VALUES)
    assert decode_map(encode_map(np.zeros((2, 2, 3), np.uint8)), (2, 2)) is None
    assert decode_map(encode_map(np.zeros((2, 2), np.uint16)), (2, 2)) is None
    assert (decode_map(b"no image", (2, 2)), decode_map(b"", (2, 2))) == (None, None)


def test_map_of_another_size_is_not_decoded():
    assert decode_map(encode_map(VALUES), VALUES.shape[::-1]) is None
    bomb = bytearray(encode_map(VALUES))
    bomb[16:24] = (2**31 - 1).to_bytes(4, "big") * 2
    assert decode_map(bytes(bomb), VALUES.shape) is None
