from copy import deepcopy

from mmselfhuman.datasets.pseudo_labels.for_detectors import for_detectors


def annotation(number: int, image_id: int, box: list[float], iscrowd: int) -> dict:
    return {"id": number, "image_id": image_id, "bbox": box, "iscrowd": iscrowd}


CONTENT = {
    "images": [{"id": 1}, {"id": 2}, {"id": 3}],
    "annotations": [
        annotation(1, 1, [0, 0, 10, 20], 0),
        annotation(2, 1, [0, 5, 30, 30], 1),  # holds three quarters of person 1
        annotation(3, 1, [0, 10, 10, 30], 1),  # half
        annotation(4, 1, [2, 2, 3, 3], 1),  # lies in person 1 and holds little of it
        annotation(5, 2, [0, 0, 10, 10], 1),
    ],
    "categories": [{"id": 1, "name": "person"}],
}


def test_crowds_that_cover_most_of_a_sure_person_and_frames_without_one_are_left_out() -> None:
    before = deepcopy(CONTENT)
    content = for_detectors(CONTENT)
    assert [entry["id"] for entry in content["annotations"]] == [1, 3, 4]
    assert content["images"] == [{"id": 1}]
    assert content["categories"] == CONTENT["categories"]
    assert before == CONTENT
