# Unlabelled videos of synthetic people in the target domain. What is in them is withheld: only evaluation may ask.
videos = dict(type='SyntheticVideos', split='target', num_videos=24, num_frames=32, size=(128, 128))
