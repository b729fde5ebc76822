"""COCO annotations of pseudo-labels as detectors learn best from them."""

from collections import defaultdict

from pycocotools import mask as coco_mask


def for_detectors(content: dict) -> dict:
    """Leave out frames without a person who is no crowd, and crowds that cover more than half of such a person's box.

    Doubtful persons are exported as crowds, so that nobody takes them for background. But many are fragments of a
    person who is sure, and MMDetection, where ``ignore_iof_thr`` is set, ignores annotated persons in crowds as well.

    Args:
        content: A COCO data set; it is not changed.
    """
    sure, crowds = defaultdict(list), defaultdict(list)
    for annotation in content["annotations"]:
        (crowds if annotation["iscrowd"] else sure)[annotation["image_id"]].append(annotation)
    kept = []
    for image_id, persons in sure.items():
        kept += persons
        if crowds[image_id]:
            boxes = [[annotation["bbox"] for annotation in some] for some in (persons, crowds[image_id])]
            covered = coco_mask.iou(*boxes, [1] * len(boxes[1])).max(axis=0)
            kept += [crowd for crowd, share in zip(crowds[image_id], covered, strict=True) if share <= 0.5]
    return content | {"images": [image for image in content["images"] if image["id"] in sure], "annotations": kept}
