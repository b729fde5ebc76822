from mmselfhuman.datasets.pseudo_labels.draws import Draw, EndlessDraws, EpochDraws
from mmselfhuman.datasets.pseudo_labels.mixed import PseudoLabelDataset
from mmselfhuman.datasets.pseudo_labels.source import PseudoLabels

__all__ = ["Draw", "EndlessDraws", "EpochDraws", "PseudoLabelDataset", "PseudoLabels"]
