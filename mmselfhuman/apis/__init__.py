"""What users call."""

from mmselfhuman.apis.inferencer import SelfHumanInferencer

__all__ = ["SelfHumanInferencer"]
