from mmselfhuman.models.pose2seg.crops import (
    PersonCrops,
    Window,
    crop_skeleton_maps,
    cut,
    paste,
    paste_windows,
    person_crops,
    person_regions,
    to_crop,
)
from mmselfhuman.models.pose2seg.fusion import PersonFusion, PersonMask, compact, person_margin
from mmselfhuman.models.pose2seg.input_layer import widen_input
from mmselfhuman.models.pose2seg.rle import window_to_rle
from mmselfhuman.models.pose2seg.skeleton_maps import CHANNELS, NUM_CHANNELS, draw_skeleton_maps, poses_from_coco

__all__ = [
    "CHANNELS",
    "NUM_CHANNELS",
    "PersonCrops",
    "PersonFusion",
    "PersonMask",
    "Window",
    "compact",
    "crop_skeleton_maps",
    "cut",
    "draw_skeleton_maps",
    "paste",
    "paste_windows",
    "person_crops",
    "person_margin",
    "person_regions",
    "poses_from_coco",
    "to_crop",
    "widen_input",
    "window_to_rle",
]
