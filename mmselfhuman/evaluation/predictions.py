"""Data samples of mmdet and mmpose made COCO results, one image at a time."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from mmselfhuman.structures import NUM_JOINTS

SCORE_MODES: tuple[str, ...] = ("bbox_keypoint", "bbox", "keypoint")

_NEEDED = {"segm": "masks", "keypoints": "keypoints", "bbox": "bboxes"}


class PredictionReader:
    """Reads the persons that a model predicts in an image.

    Args:
        metrics: Which of 'segm', 'keypoints' and 'bbox' to read.
        person_label: The label of persons, where predictions have labels.
        score_mode: The score of keypoints: 'bbox_keypoint' (mmpose's default: the box's score times the mean score of
            the joints above ``keypoint_score_thr``), 'bbox', or 'keypoint' (the mean score of all joints).
        keypoint_score_thr: See ``score_mode``.
    """

    def __init__(
        self,
        metrics: Sequence[str],
        person_label: int = 0,
        score_mode: str = "bbox_keypoint",
        keypoint_score_thr: float = 0.2,
    ) -> None:
        if score_mode not in SCORE_MODES:
            raise ValueError(f"score_mode must be one of {SCORE_MODES}, got {score_mode!r}")
        self.metrics = tuple(metrics)
        self.person_label = person_label
        self.score_mode = score_mode
        self.keypoint_score_thr = keypoint_score_thr

    def read(self, sample: dict) -> dict:
        """Read one data sample in its ``to_dict()`` form. Masks are encoded, so that little memory stays in use.

        Args:
            sample: ``img_path`` (or ``file_name``), ``img_id``, and ``pred_instances`` with, for N instances, what the
                metrics need: ``masks`` (N, H, W) bool or N RLEs, ``bboxes`` (N, 4) as (x1, y1, x2, y2), ``scores``
                (N,), ``labels`` (N,); ``keypoints`` (N, 17, 2), ``keypoint_scores`` (N, 17), ``bbox_scores`` (N,).

        Returns:
            ``file_name``, ``image_id``, ``sample_id`` (set where a sample is a person, not an image) and ``results``:
            for each metric the persons as ``score`` and the field of COCO's results.

        Raises:
            ValueError: A field is missing, or has a shape or value that it cannot have; the message names the image.
        """
        file_name = sample.get("file_name") or sample.get("img_path")
        if not file_name:
            raise ValueError(f"image {sample.get('img_id')} has no 'img_path' to join it with the ground truth")
        instances = sample.get("pred_instances")
        if instances is None:
            raise ValueError(f"image {file_name!r} has no 'pred_instances'; it has {sorted(sample)}")
        for metric in self.metrics:
            field = _NEEDED[metric]
            if field not in instances:
                raise ValueError(
                    f"metric {metric!r} needs pred_instances.{field}; image {file_name!r} has {sorted(instances)}"
                )
        readers = {"segm": self._masks, "keypoints": self._keypoints, "bbox": self._boxes}
        sample_id = sample.get("id")
        return {
            "file_name": str(file_name),
            "image_id": sample.get("img_id"),
            "sample_id": int(sample_id) if isinstance(sample_id, int | np.integer) else None,
            "results": {metric: readers[metric](sample, file_name) for metric in self.metrics},
        }

    def _masks(self, sample: dict, file_name: str) -> list[dict]:
        instances = sample["pred_instances"]
        masks = instances["masks"]
        masks = masks if isinstance(masks, list | tuple) else _array(getattr(masks, "masks", masks))
        scores = _scores(instances, ("mask_scores", "scores", "bbox_scores"), len(masks), file_name)
        return [
            {"score": float(scores[index]), "segmentation": _to_rle(masks[index], file_name)}
            for index in self._persons(instances, len(masks))
        ]

    def _boxes(self, sample: dict, file_name: str) -> list[dict]:
        instances = sample["pred_instances"]
        boxes = _array(getattr(instances["bboxes"], "tensor", instances["bboxes"])).astype(float)
        scores = _scores(instances, ("scores", "bbox_scores"), len(boxes), file_name)
        corners = boxes.reshape(-1, 4)
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        return [
            {"score": float(scores[index]), "bbox": boxes[index].tolist()}
            for index in self._persons(instances, len(boxes))
        ]

    def _keypoints(self, sample: dict, file_name: str) -> list[dict]:
        instances = sample["pred_instances"]
        keypoints = _array(instances["keypoints"]).astype(float)
        if keypoints.size == 0:
            return []
        if keypoints.ndim != 3 or keypoints.shape[1:] not in ((NUM_JOINTS, 2), (NUM_JOINTS, 3)):
            raise ValueError(f"keypoints of image {file_name!r} are {keypoints.shape}; expected (N, {NUM_JOINTS}, 2)")
        joint_scores = _array(instances["keypoint_scores"]).astype(float)
        if joint_scores.shape != keypoints.shape[:2]:
            raise ValueError(
                f"keypoint_scores of image {file_name!r} are {joint_scores.shape}; expected {keypoints.shape[:2]}"
            )
        box_scores = _scores(
            _with_box_scores(sample, len(keypoints)), ("bbox_scores", "scores"), len(keypoints), file_name
        )
        triplets = np.concatenate([keypoints[..., :2], joint_scores[..., None]], axis=2).reshape(len(keypoints), -1)
        broken = np.flatnonzero(~np.isfinite(triplets).all(axis=1))
        if broken.size:
            raise ValueError(f"keypoints[{broken[0]}] of image {file_name!r} or their scores are not finite")
        return [
            {"score": self._pose_score(box_scores[index], joint_scores[index]), "keypoints": triplets[index].tolist()}
            for index in self._persons(instances, len(keypoints))
        ]

    def _pose_score(self, box_score: float, joint_scores: np.ndarray) -> float:
        if self.score_mode == "bbox":
            return float(box_score)
        if self.score_mode == "keypoint":
            return float(joint_scores.mean())
        sure = joint_scores[joint_scores > self.keypoint_score_thr]
        return float(box_score * sure.mean()) if sure.size else 0.0

    def _persons(self, instances: Any, count: int) -> Iterable[int]:
        if "labels" not in instances:
            return range(count)
        return np.flatnonzero(_array(instances["labels"]) == self.person_label)


def _with_box_scores(sample: dict, count: int) -> dict:
    """The instances with a score for each box: their own, those of the boxes a top-down model was given, or 1."""
    instances = {key: sample["pred_instances"][key] for key in sample["pred_instances"] if key != "masks"}
    if "bbox_scores" in instances or "scores" in instances:
        return instances
    given = sample.get("gt_instances") or {}
    if "bbox_scores" in given and len(given["bbox_scores"]) == count:
        return {**instances, "bbox_scores": given["bbox_scores"]}
    return {**instances, "bbox_scores": np.ones(count)}


def _scores(instances: Any, names: tuple[str, ...], count: int, file_name: str) -> np.ndarray:
    name = next((name for name in names if name in instances), None)
    if name is None:
        raise ValueError(f"predictions of image {file_name!r} have none of {names}; they have {sorted(instances)}")
    scores = _array(instances[name]).astype(float).reshape(-1)
    if len(scores) != count:
        raise ValueError(f"image {file_name!r} has {count} predictions but {len(scores)} {name}")
    if not np.isfinite(scores).all():
        wrong = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise ValueError(f"{name}[{wrong}] of image {file_name!r} is {scores[wrong]}; expected a finite number")
    return scores


def _to_rle(mask: Any, file_name: str) -> dict:
    if isinstance(mask, dict):
        counts = mask["counts"]
        size = [int(side) for side in mask["size"]]
        return {"size": size, "counts": counts.decode("ascii") if isinstance(counts, bytes) else counts}
    array = _array(mask)
    if array.ndim != 2 or (array.dtype != bool and not np.isin(array, (0, 1)).all()):
        raise ValueError(f"a mask of image {file_name!r} is {array.dtype} of shape {array.shape}; expected (H, W) bool")
    rle = coco_mask.encode(np.asfortranarray(array, dtype=np.uint8))
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}


def _array(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
