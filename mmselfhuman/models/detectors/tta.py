"""Several views of one image, mirrored or resized, put together."""

from typing import Any

import torch
from mmengine.model import BaseTTAModel
from mmengine.structures import InstanceData
from pycocotools import mask as coco_mask

from mmselfhuman.models.detectors.detector import to_instances
from mmselfhuman.models.detectors.duplicates import distinct_masks, distinct_poses
from mmselfhuman.models.detectors.persons import FramePersons, FramePoses, joined
from mmselfhuman.registry import MODELS
from mmselfhuman.structures import MIRRORED


@MODELS.register_module()
class PersonTTAModel(BaseTTAModel):
    """Merges what a :class:`SelfHumanDetector` finds in views of one image: of a person found twice the better stays.

    mmdet's ``DetTTAModel`` knows boxes alone. Views may be resized and mirrored left to right; masks, boxes and joints
    of mirrored ones are mirrored back, left and right joints exchanged.

    Args:
        same_pose: OKS from which two poses are of one person.
        same_mask: IoU from which two masks are of one person.
        max_persons: At most so many per image.
        **kwargs: See :class:`mmengine.model.BaseTTAModel`.
    """

    def __init__(self, same_pose: float = 0.8, same_mask: float = 0.6, max_persons: int = 100, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.same_pose, self.same_mask, self.max_persons = same_pose, same_mask, max_persons

    def merge_preds(self, data_samples_list: list[list]) -> list:
        """Merge the views of each image.

        Args:
            data_samples_list: For every image, the samples of its views, in pixels of the original image.
        """
        return [self._merged(views) for views in data_samples_list]

    def _merged(self, views: list) -> Any:
        persons = joined([_unmirrored(view) for view in views])
        persons = persons[distinct_poses(persons.poses.keypoints, persons.scores, self.same_pose)]
        persons = persons[distinct_masks(persons.masks, persons.scores, self.same_mask)[: self.max_persons]]
        result = views[0]
        result.pred_instances = to_instances(persons, views[0].pred_instances.scores.device)
        return result


def _unmirrored(view: Any) -> FramePersons:
    """The persons of a view in pixels of the original image.

    Raises:
        ValueError: The view is mirrored in another direction.
    """
    instances: InstanceData = view.pred_instances
    masks, points, scores = instances.masks, instances.keypoints, instances.keypoint_scores
    size = tuple(masks.shape[-2:])
    if view.get("flip"):
        if view.flip_direction != "horizontal":
            raise ValueError(f"views may be mirrored horizontally, got {view.flip_direction!r}")
        mirrored = list(MIRRORED)
        masks, points, scores = masks.flip(-1), points[:, mirrored].clone(), scores[:, mirrored]
        points[..., 0] = size[1] - 1 - points[..., 0]
    columns = masks.to(torch.uint8).permute(0, 2, 1).contiguous().cpu().numpy()
    keypoints = torch.cat([points, scores[..., None]], dim=-1)
    return FramePersons(
        size,
        FramePoses(keypoints, instances.pose_scores),
        [coco_mask.encode(one.T) for one in columns],
        instances.pixel_scores,
        instances.scores,
    )
