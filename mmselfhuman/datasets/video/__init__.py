from mmselfhuman.datasets.video.clips import ClipInfo, FrameFolderClip, VideoFileClip
from mmselfhuman.datasets.video.report import ReadingReport, SkippedPath
from mmselfhuman.datasets.video.unlabelled import UnlabelledVideos

__all__ = ["ClipInfo", "FrameFolderClip", "ReadingReport", "SkippedPath", "UnlabelledVideos", "VideoFileClip"]
