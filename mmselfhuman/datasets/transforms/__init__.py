from mmselfhuman.datasets.transforms.loading import LoadPersonImage, LoadPersonSegMap
from mmselfhuman.datasets.transforms.pasting import PastePerson
from mmselfhuman.datasets.transforms.skeletons import AddSkeletonMaps, CropPerson, PoseNoise

__all__ = ["AddSkeletonMaps", "CropPerson", "LoadPersonImage", "LoadPersonSegMap", "PastePerson", "PoseNoise"]
