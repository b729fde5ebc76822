"""COCO files of strangers: read rightly or refused by name, whatever is in them."""

import json
from pathlib import Path

import numpy as np
import pytest
from hostile import FUZZ, VALUES, damaged, may_refuse, places, replaced, to_text
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from mmselfhuman.datasets import COCOPersons
from mmselfhuman.datasets.converters import keep_pose2seg_persons
from mmselfhuman.datasets.sources import AnnotationFileError
from mmselfhuman.datasets.sources.masks import to_rle
from mmselfhuman.evaluation import evaluate_coco
from mmselfhuman.evaluation.results_file import read_results
from mmselfhuman.structures import Person
from mmselfhuman.structures.rle import MaskError

HEIGHT, WIDTH = 12, 16


def _person(number: int, segmentation: object) -> dict:
    keypoints = [value for joint in range(17) for value in (joint % 10 + 1, joint % 8 + 1, 2)]
    return {
        "id": number,
        "image_id": 1 + number % 2,
        "category_id": 1,
        "bbox": [1, 1, 9, 8],
        "area": 72,
        "iscrowd": 0,
        "segmentation": segmentation,
        "keypoints": keypoints,
        "num_keypoints": 17,
        "max_iou": 0.6,
        "track_id": 4,
    }


RLE = coco_mask.encode(np.asfortranarray(np.eye(HEIGHT, WIDTH, dtype=np.uint8)))
FILE = {
    "images": [{"id": i, "file_name": f"{i}.png", "height": HEIGHT, "width": WIDTH} for i in (1, 2)],
    "annotations": [
        _person(1, [[1, 1, 10, 1, 10, 9]]),
        _person(2, {"size": [HEIGHT, WIDTH], "counts": RLE["counts"].decode()}),
        _person(3, {"size": [HEIGHT, WIDTH], "counts": [20, 30, HEIGHT * WIDTH - 50]}),
    ],
    "categories": [{"id": 1, "name": "person"}],
}
PLACES = sorted(places(FILE), key=str)


def _as_values(person: Person) -> tuple:
    mask = None if person.mask is None else coco_mask.decode(person.mask).tobytes()
    keypoints = None if person.keypoints is None else person.keypoints.tobytes()
    return person.box, person.area, mask, keypoints, person.crowd, person.max_iou, person.track_id


def _read(path: Path) -> dict[int, tuple]:
    source = COCOPersons(str(path), person_filter="all", keep_empty=True)
    images = [source[index] for index in range(len(source))]
    return {person.id: _as_values(person) for image in images for person in image.persons}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple]:
    path = tmp_path_factory.mktemp("coco") / "whole.json"
    path.write_text(json.dumps(FILE))
    return _read(path)


@FUZZ
@given(place=st.sampled_from(PLACES), value=VALUES)
def test_a_wrong_value_changes_its_own_annotation_at_most(
    place: tuple, value: object, expected: dict[int, tuple], tmp_path: Path
) -> None:
    path = tmp_path / "persons.json"
    path.write_text(to_text(replaced(FILE, place, value)))
    with may_refuse(AnnotationFileError, str(path)):
        found = _read(path)
        if place[0] == "annotations" and len(place) > 1:
            others = {entry["id"] for number, entry in enumerate(FILE["annotations"]) if number != place[1]}
            assert {number: found[number] for number in others} == {number: expected[number] for number in others}
        for box, area, *_ in found.values():
            assert np.isfinite([*box, area]).all()


@FUZZ
@given(seed=st.integers(0, 2**32))
def test_damaged_files_are_read_or_refused_by_name(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "persons.json"
    path.write_bytes(damaged(json.dumps(FILE).encode(), seed))
    with may_refuse(AnnotationFileError, str(path)):
        _read(path)


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"images": ' + "9" * 5000 + "}", "\ufeff{}", '{"images": {}, "annotations": [], "categories": 1}'],
    ids=["nested", "digits", "mark", "kinds"],
)
def test_json_that_breaks_parsers_is_refused_by_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "persons.json"
    path.write_text(text)
    with pytest.raises(AnnotationFileError, match=r"persons\.json: "):
        COCOPersons(str(path))
    with pytest.raises(ValueError, match=r"persons\.json: (malformed|expected)"):
        read_results(str(path), "segm")


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "C:\\a.png", "a\0.png", "http://host/a.png", "s3://b/a.png"])
def test_file_names_that_leave_their_folder_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "persons.json"
    path.write_text(json.dumps(replaced(FILE, ("images", 0, "file_name"), name)))
    with pytest.raises(AnnotationFileError, match="leaves its folder"):
        COCOPersons(str(path))


@pytest.mark.parametrize("sides", [(2**16, 1), (2**14, 2**14), (10**9, 10**9)])
def test_images_that_fill_the_memory_are_refused(sides: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "persons.json"
    large = {"id": 1, "file_name": "1.png", "height": sides[0], "width": sides[1]}
    path.write_text(json.dumps(replaced(FILE, ("images", 0), large)))
    with pytest.raises(AnnotationFileError, match="expected positive integers, at most"):
        COCOPersons(str(path))


def test_polygons_with_endless_edges_are_refused() -> None:
    far = [0, 0, 60_000, 2_000] * 500
    with pytest.raises(MaskError, match="edges of more than"):
        to_rle([far], 2_000, 60_000)


@FUZZ
@given(counts=st.one_of(st.binary(max_size=24), st.text("0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefo")))
def test_compressed_masks_decode_as_their_runs_say_or_are_refused(counts: bytes | str) -> None:
    try:
        rle = to_rle({"size": [3, 4], "counts": counts}, 3, 4)
    except MaskError:
        return
    runs = _runs(counts if isinstance(counts, bytes) else counts.encode())
    pixels = np.repeat(np.arange(len(runs)) % 2, runs)
    assert np.array_equal(coco_mask.decode(rle).ravel(order="F"), pixels)


def _runs(counts: bytes) -> list[int]:
    """COCO's format from its description: little-endian groups of five bits, then differences."""
    runs, number, shift = [], 0, 0
    for symbol in counts:
        bits = symbol - 48
        number |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            number -= (1 << shift) if bits & 16 else 0
            runs.append(number + (runs[-2] if len(runs) > 2 else 0))
            number = shift = 0
    return runs


@FUZZ
@given(place=st.sampled_from(PLACES), value=VALUES)
def test_the_converter_of_cocopersons_refuses_by_name(place: tuple, value: object) -> None:
    try:
        kept = keep_pose2seg_persons("persons.json", replaced(FILE, place, value))
    except AnnotationFileError:
        return
    assert all(entry["id"] in (1, 2, 3, value) for entry in kept["annotations"])


RESULTS = [
    {
        "image_id": 1,
        "category_id": 1,
        "score": 0.5,
        "bbox": [1, 2, 3, 4],
        "segmentation": {"size": [HEIGHT, WIDTH], "counts": RLE["counts"].decode()},
        "keypoints": [1.5, 2.5, 0.5] * 17,
    }
]


@FUZZ
@given(
    metric=st.sampled_from(["segm", "bbox", "keypoints"]),
    place=st.sampled_from(sorted(places(RESULTS), key=str)),
    value=VALUES,
)
def test_results_are_evaluated_or_refused_by_name(metric: str, place: tuple, value: object, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(to_text(replaced(RESULTS, place, value)))
    with may_refuse(ValueError, str(path)):
        persons, _ = read_results(str(path), metric, {1: "a.png"})
        truth = {**FILE, "annotations": [{**FILE["annotations"][1], "image_id": 1}]}
        found = [{**person, "image_id": 1, "category_id": 1} for person in persons]
        sizes = {tuple(person["segmentation"]["size"]) for person in persons if metric == "segm"}
        if sizes <= {(HEIGHT, WIDTH)}:
            evaluate_coco(truth, found, metric)
