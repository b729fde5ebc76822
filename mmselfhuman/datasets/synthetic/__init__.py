"""Synthetic people: an embedded world in which the method can be trained, tested and ablated without any download."""

from mmselfhuman.datasets.synthetic.clips import SyntheticClip, SyntheticVideos
from mmselfhuman.datasets.synthetic.domains import DomainKnobs
from mmselfhuman.datasets.synthetic.sources import SyntheticPeople

__all__ = ["DomainKnobs", "SyntheticClip", "SyntheticPeople", "SyntheticVideos"]
