"""Labelled persons for the MM libraries, unlabelled video, and the synthetic world."""

from mmselfhuman.datasets.person_instance import PersonInstanceDataset
from mmselfhuman.datasets.person_pose import PersonPoseDataset
from mmselfhuman.datasets.person_pose2seg import PersonPose2SegDataset
from mmselfhuman.datasets.person_seg import PersonSegDataset
from mmselfhuman.datasets.pseudo_labels import EndlessDraws, EpochDraws, PseudoLabelDataset, PseudoLabels
from mmselfhuman.datasets.sources import AnnotatedVideos, COCOPersons, OCHuman, build_source, source_to_coco
from mmselfhuman.datasets.synthetic import SyntheticPeople, SyntheticVideos
from mmselfhuman.datasets.video import UnlabelledVideos

__all__ = [
    "AnnotatedVideos",
    "COCOPersons",
    "EndlessDraws",
    "EpochDraws",
    "OCHuman",
    "PersonInstanceDataset",
    "PersonPose2SegDataset",
    "PersonPoseDataset",
    "PersonSegDataset",
    "PseudoLabelDataset",
    "PseudoLabels",
    "SyntheticPeople",
    "SyntheticVideos",
    "UnlabelledVideos",
    "build_source",
    "source_to_coco",
]
