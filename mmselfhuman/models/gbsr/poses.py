"""The score of a pose."""

import numpy as np


def person_score(pose: np.ndarray, threshold: float = 0.2) -> float:
    """How sure it is that a pose is a person's: mmpose's ``bbox_keypoint`` score for models without boxes.

    The mean score of all 17 joints, missing ones counting 0, times the mean of those above the threshold: so a pose
    whose missing joints are recovered gains.

    Args:
        pose: ``(17, 3)`` of ``(x, y, score)``, scores in [0, 1].
        threshold: Of joints' scores.

    Returns:
        In [0, 1].
    """
    scores = pose[:, 2]
    clear = scores[scores > threshold]
    return float(scores.mean() * clear.mean()) if len(clear) else 0.0
