"""Synthetic people: an embedded world in which the method can be trained, tested and ablated without any download."""

from mmselfhuman.datasets.synthetic.clips import SyntheticClip, SyntheticVideos
from mmselfhuman.datasets.synthetic.domains import DOMAINS, DomainKnobs
from mmselfhuman.datasets.synthetic.sources import SyntheticPeople
from mmselfhuman.datasets.synthetic.truth import FrameTruth
from mmselfhuman.datasets.synthetic.video_frames import SyntheticVideoFrames

__all__ = [
    "DOMAINS",
    "DomainKnobs",
    "FrameTruth",
    "SyntheticClip",
    "SyntheticPeople",
    "SyntheticVideoFrames",
    "SyntheticVideos",
]
