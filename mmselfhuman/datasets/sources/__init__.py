from mmselfhuman.datasets.sources.annotated_videos import AnnotatedVideos
from mmselfhuman.datasets.sources.builder import build_source
from mmselfhuman.datasets.sources.coco_file import AnnotationFileError
from mmselfhuman.datasets.sources.coco_persons import COCOPersons
from mmselfhuman.datasets.sources.export import source_to_coco
from mmselfhuman.datasets.sources.ochuman import OCHuman

__all__ = ["AnnotatedVideos", "AnnotationFileError", "COCOPersons", "OCHuman", "build_source", "source_to_coco"]
