"""Pseudo-labels on disk, without any OpenMMLab library."""

from mmselfhuman.pseudo_labels.files import PseudoLabelError
from mmselfhuman.pseudo_labels.reader import RoundReader
from mmselfhuman.pseudo_labels.store import PseudoLabelStore, RoundWriter

__all__ = ["PseudoLabelError", "PseudoLabelStore", "RoundReader", "RoundWriter"]
