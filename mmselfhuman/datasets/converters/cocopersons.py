"""COCO's persons with keypoints, as Pose2Seg's COCOPersons protocol selects them."""

from mmselfhuman.datasets.sources.coco_file import check_coco_content


def keep_pose2seg_persons(path: str, content: dict) -> dict:
    """Leave only persons with a mask and at least one labelled joint who are no crowd, and the images that show one.

    Everyone else is dropped, not ignored. Of COCO 2017, 56,599 training images and 2,346 validation images with 6,352
    persons are left. Entries keep their ids and fields.

    Args:
        path: Where the content was read from, for error messages.
        content: A COCO-format ``person_keypoints_*.json``.

    Raises:
        AnnotationFileError: See :func:`~mmselfhuman.datasets.sources.coco_file.check_coco_content`.
    """
    file = check_coco_content(path, content)
    persons = [entry for entry in file.annotations if _is_kept(entry)]
    shown = {entry["image_id"] for entry in persons}
    images = [entry for entry in file.images if entry["id"] in shown]
    return {**content, "images": images, "annotations": persons, "categories": [file.category]}


def _is_kept(entry: dict) -> bool:
    joints = entry.get("num_keypoints", 0)
    return isinstance(joints, int) and joints > 0 and not entry.get("iscrowd", 0) and bool(entry.get("segmentation"))
