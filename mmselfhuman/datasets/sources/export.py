"""Any source of labelled persons as a COCO-format dictionary."""

from mmselfhuman.structures import JOINTS, LIMBS, NUM_JOINTS, Person, PersonSource

CATEGORY_ID = 1


def person_category() -> dict:
    """COCO's person category: id 1, the 17 joints, and the limbs counted from 1."""
    return {
        "supercategory": "person",
        "id": CATEGORY_ID,
        "name": "person",
        "keypoints": list(JOINTS),
        "skeleton": [[a + 1, b + 1] for a, b in LIMBS],
    }


def person_to_coco(person: Person, image_id: int) -> dict:
    """A COCO annotation of plain Python values, ready for JSON.

    Without keypoints it has 51 zeros, without a mask no ``segmentation``. MaxIoU and track id are there where known.
    """
    annotation = {
        "id": person.id,
        "image_id": image_id,
        "category_id": CATEGORY_ID,
        "bbox": list(person.box),
        "area": person.area,
        "iscrowd": int(person.crowd),
        "num_keypoints": person.num_keypoints,
        "keypoints": [0] * (3 * NUM_JOINTS) if person.keypoints is None else person.keypoints.flatten().tolist(),
    }
    if person.mask is not None:
        annotation["segmentation"] = rle_to_json(person.mask)
    if person.max_iou is not None:
        annotation["max_iou"] = person.max_iou
    if person.track_id is not None:
        annotation["track_id"] = person.track_id
    return annotation


def rle_to_json(rle: dict) -> dict:
    """A compressed RLE with its counts as text, as JSON, mmdet and mmpose want them."""
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}


def source_to_coco(source: PersonSource) -> dict:
    """The whole ground truth of a source, without pixels.

    Returns:
        ``{'info', 'licenses', 'images', 'annotations', 'categories'}`` as pycocotools and the MM libraries read them.
        :class:`~mmselfhuman.datasets.sources.COCOPersons` with ``person_filter='all'`` and ``keep_empty=True`` reads it
        back as it was.
    """
    images, annotations = [], []
    for index in range(len(source)):
        item = source[index]
        images.append({"id": item.id, "file_name": item.file_name, "height": item.height, "width": item.width})
        annotations.extend(person_to_coco(person, item.id) for person in item.persons)
    return {
        "info": {"description": source.name},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [person_category()],
    }
