from mmselfhuman.datasets.transforms.bending import BendLimbs
from mmselfhuman.datasets.transforms.loading import LoadPersonImage, LoadPersonSegMap
from mmselfhuman.datasets.transforms.pasting import PastePerson, PasteThing
from mmselfhuman.datasets.transforms.rotation import RotateFrame
from mmselfhuman.datasets.transforms.skeletons import AddSkeletonMaps, CropPerson, PoseNoise
from mmselfhuman.datasets.transforms.spoiling import SpoilImage
from mmselfhuman.datasets.transforms.unlabelled_joints import IgnoreUnlabelledJoints

__all__ = [
    "AddSkeletonMaps",
    "BendLimbs",
    "CropPerson",
    "IgnoreUnlabelledJoints",
    "LoadPersonImage",
    "LoadPersonSegMap",
    "PastePerson",
    "PasteThing",
    "PoseNoise",
    "RotateFrame",
    "SpoilImage",
]
