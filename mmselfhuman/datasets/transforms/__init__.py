from mmselfhuman.datasets.transforms.loading import LoadPersonImage, LoadPersonSegMap

__all__ = ["LoadPersonImage", "LoadPersonSegMap"]
