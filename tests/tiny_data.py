"""A few images on disk in the formats that configs read, and configs cut down to them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config, ConfigDict

WIDTH, HEIGHT = 96, 64
CROP = (64, 64)


@dataclass(frozen=True)
class TinyData:
    """Where the files of :func:`write_tiny_data` lie.

    Attributes:
        images: Folder of two photographs of two persons each.
        persons: Their COCO-format annotations, with MaxIoU.
        lip: The same images with label maps, in the folders of LIP.
    """

    images: Path
    persons: Path
    lip: Path


def write_tiny_data(folder: Path) -> TinyData:
    data = TinyData(folder / "images", folder / "persons.json", folder / "LIP")
    places = [
        data.images,
        *(data.lip / f"{part}_{kind}" for part in ("train", "val") for kind in ("images", "segmentations")),
    ]
    for place in places:
        place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    annotations = []
    for image_id in (1, 2):
        image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        labels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
        for number, (x, colour) in enumerate(((12, (60, 90, 200)), (44, (200, 160, 40)))):
            cv2.rectangle(image, (x, 8), (x + 29, 55), colour, -1)
            cv2.rectangle(labels, (x, 8), (x + 29, 55), 10 + 9 * number, -1)
            annotations.append(_person(len(annotations) + 1, image_id, x, max_iou=0.6 + 0.2 * number))
        cv2.imwrite(str(data.images / f"{image_id}.png"), image)
        for part in ("train", "val"):
            cv2.imwrite(str(data.lip / f"{part}_images" / f"{image_id}.jpg"), image)
            cv2.imwrite(str(data.lip / f"{part}_segmentations" / f"{image_id}.png"), labels)
    images = [{"id": i, "file_name": f"{i}.png", "width": WIDTH, "height": HEIGHT} for i in (1, 2)]
    category = {"id": 1, "name": "person"}
    data.persons.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [category]}))
    return data


def _person(annotation_id: int, image_id: int, x: int, max_iou: float) -> dict:
    keypoints = [value for joint in range(17) for value in (x + 2 + joint, 10 + 2 * joint, 2)]
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": 1,
        "bbox": [x, 8, 30, 48],
        "area": 30 * 48,
        "iscrowd": 0,
        "segmentation": [[x, 8, x + 30, 8, x + 30, 56, x, 56]],
        "keypoints": keypoints,
        "num_keypoints": 17,
        "max_iou": max_iou,
    }


def cut_down(config: Config, data: TinyData, work_dir: Path) -> Config:
    """Let a config train one step, if it trains, and test on tiny data; its networks stay as they are."""
    for node in _dictionaries(config._cfg_dict):
        _use_tiny_data(node, data)
        _label_little(node, work_dir)
        _load_no_weights(node)
        _normalise_alone(node)
        _shrink_images(node)
        _propose_less(node)
    for name in ("train_dataloader", "val_dataloader", "test_dataloader"):
        if config.get(name) is not None:
            config[name].update(batch_size=2, num_workers=0, persistent_workers=False)
    if config.get("train_cfg") is not None:
        loop = config.train_cfg
        loop["max_epochs" if loop.get("by_epoch") or loop.get("type") == "EpochBasedTrainLoop" else "max_iters"] = 1
        loop.val_interval = 1
        config.default_hooks.checkpoint = None
    config.load_from = None
    config.work_dir = str(work_dir)
    return config


def _use_tiny_data(node: ConfigDict, data: TinyData) -> None:
    kind = str(node.get("type", "")).rpartition(".")[2]
    if kind in ("COCOPersons", "OCHuman"):
        node.update(data_root="", ann_file=str(data.persons), img_prefix=str(data.images))
    elif kind == "SyntheticPeople":
        node.update(num_images=2)
    elif kind == "LIPDataset":
        node.update(data_root=str(data.lip))
    elif kind.endswith("Metric") and "ann_file" in node:
        node.update(ann_file=str(data.persons))


def _label_little(node: ConfigDict, work_dir: Path) -> None:
    kind = str(node.get("type", "")).rpartition(".")[2]
    if kind == "UnlabelledVideos":
        node.clear()
        node.update(type="SyntheticVideos")
    if kind in ("SyntheticVideos", "UnlabelledVideos"):
        node.update(num_videos=1, num_frames=3, size=CROP)
    elif kind == "PseudoLabels":
        node.update(store=str(work_dir / "pseudo_labels"))
    elif kind == "TPRHook":
        node.update(threshold=0.0, guard={"largest_class": 1.0})  # untrained networks are not sure of anything
    elif kind == "GBSRHook":
        sure = dict.fromkeys(("person_threshold", "joint_threshold", "nobody_threshold"), 0.0)
        node.update(guard={"empty": 1.0}, refiner={"min_score": 0.0}, **sure)
    elif kind == "AssociativeEmbeddingHead":  # with heatmaps of about a half it finds somebody
        node.init_cfg = {"type": "Normal", "layer": "Conv2d", "std": 0.1, "bias": 0.5}


def _load_no_weights(node: ConfigDict) -> None:
    if node.get("pretrained"):
        node.pretrained = False if str(node.get("type")).endswith("TIMMBackbone") else None
    if (node.get("init_cfg") or {}).get("type") == "Pretrained":
        node.init_cfg = None


def _normalise_alone(node: ConfigDict) -> None:
    if node.get("type") == "SyncBN":
        node.type = "BN"


def _shrink_images(node: ConfigDict) -> None:
    if "scale" in node and _is_large(node.scale):
        node.scale = (2 * CROP[0], CROP[1])
    for key in ("crop_size", "size"):
        if _is_large(node.get(key)):
            node[key] = CROP
    if _is_large(node.get("input_size")):
        for key in node.keys() & {"input_size", "heatmap_size"}:
            node[key] = tuple(side // 4 for side in node[key])


def _propose_less(node: ConfigDict) -> None:
    """Untrained detectors take everything for a person."""
    for key, limit in (("nms_pre", 64), ("max_per_img", 16)):
        if key in node:
            node[key] = min(node[key], limit)
    if node.get("type") == "RandomSampler":
        node.num = 16


def _is_large(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and max(value) > 256


def _dictionaries(node: Any) -> Iterator[ConfigDict]:
    """All dictionaries in a config, the outer ones first."""
    if isinstance(node, dict):
        yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list | tuple) else ()
    for child in children:
        yield from _dictionaries(child)
