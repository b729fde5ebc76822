from mmselfhuman.structures.frames import Clip, Frame
from mmselfhuman.structures.persons import Box, Person, PersonImage, PersonSource
from mmselfhuman.structures.skeleton import JOINT_INDEX, JOINTS, LIMBS, MIRRORED, NUM_JOINTS, SIGMAS

__all__ = [
    "Box",
    "Clip",
    "Frame",
    "JOINTS",
    "JOINT_INDEX",
    "LIMBS",
    "MIRRORED",
    "NUM_JOINTS",
    "Person",
    "PersonImage",
    "PersonSource",
    "SIGMAS",
]
