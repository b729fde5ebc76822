from mmselfhuman.structures.boxes import box_iou, max_iou
from mmselfhuman.structures.frames import Clip, Frame, FrameWindow, sliding_windows, window_offsets
from mmselfhuman.structures.limits import MAX_PIXELS, MAX_SIDE, is_image_size
from mmselfhuman.structures.persons import Box, Person, PersonImage, PersonSource
from mmselfhuman.structures.pseudo_labels import UNSURE, PseudoLabel, PseudoPerson
from mmselfhuman.structures.skeleton import JOINT_INDEX, JOINTS, LIMBS, MIRRORED, NUM_JOINTS, SIGMAS

__all__ = [
    "JOINTS",
    "JOINT_INDEX",
    "LIMBS",
    "MAX_PIXELS",
    "MAX_SIDE",
    "MIRRORED",
    "NUM_JOINTS",
    "SIGMAS",
    "UNSURE",
    "Box",
    "Clip",
    "Frame",
    "FrameWindow",
    "Person",
    "PersonImage",
    "PersonSource",
    "PseudoLabel",
    "PseudoPerson",
    "box_iou",
    "is_image_size",
    "max_iou",
    "sliding_windows",
    "window_offsets",
]
