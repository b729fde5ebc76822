# Any unlabelled videos: files and frame folders, however deep they lie.
videos = dict(type='UnlabelledVideos', paths='data/videos/')
