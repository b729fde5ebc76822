"""From the annotation files as they are published to those that the protocols evaluate."""

from mmselfhuman.datasets.converters.cocopersons import keep_pose2seg_persons
from mmselfhuman.datasets.converters.files import write_json_files
from mmselfhuman.datasets.converters.ochuman import convert_ochuman, load_ochuman, range_file_name

__all__ = ["convert_ochuman", "keep_pose2seg_persons", "load_ochuman", "range_file_name", "write_json_files"]
