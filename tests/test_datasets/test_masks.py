import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from mmselfhuman.datasets.sources.masks import box_to_rle, to_rle, union_mask, union_rle
from mmselfhuman.structures.rle import MaskError, decode_box, run_lengths

masks = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def runs_of(mask):
    """Lengths of equal values in column-major order, starting with (maybe no) background, pixel by pixel."""
    runs, value = [0], False
    for pixel in mask.T.flatten():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return runs


def encode(mask):
    return coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))


@given(masks)
def test_runs_are_decoded_as_they_were_encoded(mask):
    rle = encode(mask)
    assert run_lengths(rle["counts"]).tolist() == runs_of(mask)
    assert run_lengths(rle["counts"].decode()).tolist() == runs_of(mask)


@given(masks)
def test_a_mask_is_decoded_in_the_box_around_it(mask):
    place, inside = decode_box(encode(mask))
    image = np.zeros_like(mask)
    assert image[place].shape == inside.shape
    image[place] = inside
    np.testing.assert_array_equal(image, mask)
    assert inside.size == 0 or all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


@given(st.lists(st.integers(1, 2**24), min_size=1, max_size=9))
def test_runs_of_large_images_are_decoded(runs):
    rle = coco_mask.frPyObjects({"size": [sum(runs), 1], "counts": runs}, sum(runs), 1)
    assert run_lengths(rle["counts"]).tolist() == runs


@given(masks)
def test_all_ways_to_write_a_mask_are_the_same_mask(mask):
    height, width = mask.shape
    compressed = encode(mask)
    listed = {"size": [height, width], "counts": runs_of(mask)}
    text = {"size": [height, width], "counts": compressed["counts"].decode()}
    for segmentation in (compressed, listed, text):
        rle = to_rle(segmentation, height, width)
        assert isinstance(rle["counts"], bytes)
        assert np.array_equal(coco_mask.decode(rle), mask)


def test_polygons_are_united():
    # Two 2 x 2 squares that share a column of pixels: 2 x 3 pixels.
    rle = to_rle([[1, 1, 3, 1, 3, 3, 1, 3], [2, 1, 4, 1, 4, 3, 2, 3]], 5, 6)
    expected = np.zeros((5, 6), np.uint8)
    expected[1:3, 1:4] = 1
    assert rle["size"] == [5, 6]
    assert np.array_equal(coco_mask.decode(rle), expected)


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([], "no polygon"),
        ([[1, 1, 3, 3]], "at least three points"),
        ([[1, 1, 3, 3, 2]], "at least three points"),
        ([[1, 1, 3, 1, 3, 3, 1]], "at least three points"),
        ([[1, 1, 3, 1, 3, float("nan")]], "finite"),
        ([[1, 1, 3, 1, 3, "x"]], "finite"),
        ([[1, 1, 1e9, 1, 3, 3]], "far outside"),
        ([5], "three points"),
        ("mask", "expected polygons or an RLE"),
        ({"size": [4, 5]}, "expected polygons or an RLE"),
        ({"size": [5, 4], "counts": [20]}, r"size \[5, 4\] \(height, width\) in an image of size \[4, 5\]"),
        ({"size": 20, "counts": [20]}, "size 20"),
        ({"size": [4, 5], "counts": [19]}, "sum to 19, expected 4 x 5 = 20"),
        ({"size": [4, 5], "counts": [30, -10]}, "sum"),
        ({"size": [4, 5], "counts": [19.5, 0.5]}, "integers"),
        ({"size": [4, 5], "counts": 20}, "compressed string"),
        ({"size": [4, 5], "counts": ""}, "compressed string"),
        ({"size": [4, 5], "counts": "é"}, "compressed string"),
        ({"size": [4, 5], "counts": "!"}, "compressed string"),
        ({"size": [4, 5], "counts": "o"}, "compressed string"),
        ({"size": [4, 5], "counts": "oooooooooo0"}, "more than 7 symbols"),
        ({"size": [4, 5], "counts": encode(np.ones((4, 4)))["counts"]}, "sum to 16"),
    ],
)
def test_malformed_masks_are_named(segmentation, message):
    with pytest.raises(MaskError, match=message):
        to_rle(segmentation, 4, 5)


def test_box_is_filled_and_clipped():
    expected = np.zeros((4, 5), bool)
    expected[0:2, 3:5] = True
    assert np.array_equal(union_mask([box_to_rle((3, -1, 9, 3), 4, 5)], 4, 5), expected)


@given(arrays(np.bool_, st.tuples(st.integers(0, 4), st.just(5), st.just(7))))
def test_union_has_the_pixels_of_any_mask(stack):
    rles = [encode(mask) for mask in stack]
    assert np.array_equal(union_mask(rles, 5, 7), stack.any(axis=0))
    assert union_rle(rles, 5, 7)["size"] == [5, 7]
