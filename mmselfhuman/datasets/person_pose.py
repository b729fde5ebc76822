"""Labelled persons for pose estimation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from mmselfhuman.datasets.person_dataset import PersonDataset
from mmselfhuman.datasets.pose_metainfo import coco_pose_metainfo
from mmselfhuman.datasets.sources.export import CATEGORY_ID, person_to_coco
from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import NUM_JOINTS, Person, PersonImage, PersonSource
from mmselfhuman.structures.rle import run_lengths

_SAMPLE_METAINFO = (
    "dataset_name",
    "upper_body_ids",
    "lower_body_ids",
    "flip_pairs",
    "dataset_keypoint_weights",
    "flip_indices",
    "skeleton_links",
)


@DATASETS.register_module()
class PersonPoseDataset(PersonDataset):
    """Persons with keypoints, as mmpose samples.

    The samples have the fields of mmpose's ``CocoDataset``, so that its pipelines, models and ``CocoMetric`` take them;
    ``CocoMetric`` finds the ground truth in the samples (``raw_ann_info``) and needs no ``ann_file``.

    Args:
        data_mode: ``'topdown'``: a sample is one person who is no crowd and has a labelled joint. ``'bottomup'``: a
            sample is an image with all its persons; the masks of those without a labelled joint are in
            ``invalid_segs``. Images without persons are left out of training, and with
            ``filter_cfg=dict(filter_empty_gt=True)`` also those where nobody has a labelled joint.

    See :class:`~mmselfhuman.datasets.person_dataset.PersonDataset` for the other arguments.
    """

    METAINFO = coco_pose_metainfo()
    FILTER_RULES: ClassVar[frozenset[str]] = frozenset({"filter_empty_gt"})

    def __init__(
        self,
        source: Mapping | PersonSource,
        data_mode: str = "topdown",
        pipeline: Sequence[dict | Callable] = (),
        **kwargs: Any,
    ) -> None:
        if data_mode not in ("topdown", "bottomup"):
            raise ValueError(f"data_mode is {data_mode!r}, expected 'topdown' or 'bottomup'")
        self.data_mode = data_mode
        super().__init__(source, pipeline, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One entry per person (top-down) or image (bottom-up)."""
        entries = super().load_data_list()
        if self.data_mode == "topdown":
            return [
                {**entry, "person": number}
                for entry, item in self._with_items(entries)
                for number, person in enumerate(item.persons)
                if _has_pose(person, item)
            ]
        return entries if self.test_mode else [entry for entry, item in self._with_items(entries) if item.persons]

    def passes(self, item: PersonImage, filter_empty_gt: bool = False) -> bool:
        """Whether there is a pose to learn from."""
        return not filter_empty_gt or any(_has_pose(person, item) for person in item.persons)

    def describe(self, item: PersonImage, entry: dict) -> dict:
        """The fields of mmpose's samples."""
        metainfo = {key: self._metainfo[key] for key in _SAMPLE_METAINFO}
        if self.data_mode == "topdown":
            return {**metainfo, **_topdown(item.persons[entry["person"]], item)}
        return {**metainfo, **_bottomup(item)}

    def prepare_data(self, idx: int) -> Any:
        """A sample through the pipeline; mmpose's mixing transforms draw further ones from its ``dataset``."""
        return self.run_pipeline({**self.get_data_info(idx), "dataset": self})

    def _with_items(self, entries: list[dict]) -> Iterator[tuple[dict, PersonImage]]:
        return ((entry, self.source[entry["source_index"]]) for entry in entries)


def _topdown(person: Person, item: PersonImage) -> dict:
    annotation = person_to_coco(person, item.id)
    keypoints = np.array(annotation["keypoints"], dtype=np.float32).reshape(1, NUM_JOINTS, 3)
    return {
        "id": person.id,
        "bbox": _clipped_box(person, item),
        "bbox_score": np.ones(1, dtype=np.float32),
        "keypoints": keypoints[..., :2],
        "keypoints_visible": np.minimum(1, keypoints[..., 2]),
        "num_keypoints": person.num_keypoints,
        "area": np.array(person.area, dtype=np.float32),
        "iscrowd": int(person.crowd),
        "segmentation": annotation.get("segmentation"),
        "category_id": np.array(CATEGORY_ID),
        "raw_ann_info": annotation,
    }


def _bottomup(item: PersonImage) -> dict:
    if not item.persons:
        return {"id": [], "raw_ann_info": None}
    samples = [_topdown(person, item) for person in item.persons]
    invalid = [person.mask for person in item.persons if person.mask is not None and not _has_pose(person, item)]
    return {**{key: _join([s[key] for s in samples]) for key in samples[0]}, "invalid_segs": [*map(_runs, invalid)]}


def _join(values: list) -> list | np.ndarray:
    if not isinstance(values[0], np.ndarray):
        return values
    return np.concatenate(values) if values[0].ndim else np.stack(values)


def _runs(rle: dict) -> list[dict]:
    """An RLE as ``BottomupGetHeatmapMask`` reads it: it passes over anything but lists."""
    return [{"size": list(rle["size"]), "counts": run_lengths(rle["counts"]).tolist()}]


def _clipped_box(person: Person, item: PersonImage) -> np.ndarray:
    """``(1, 4)`` of ``(x1, y1, x2, y2)``, clipped to the centres of the border pixels as mmpose does."""
    limits = item.width - 1, item.height - 1, item.width - 1, item.height - 1
    return np.clip(person.box_xyxy, 0, limits).astype(np.float32)[None]


def _has_pose(person: Person, item: PersonImage) -> bool:
    x1, y1, x2, y2 = _clipped_box(person, item)[0]
    return not person.crowd and person.num_keypoints > 0 and x2 > x1 and y2 > y1
