"""What training on refined poses is worth: the Pose Module before and after, and the poses that it learned from.

    python tools/benchmarks/gbsr_training.py CONFIG --checkpoints A.pth B.pth C.pth --seeds 0 1 2 --work-dir FOLDER

Trains a config with ``GBSRHook`` over synthetic videos once per seed (which is also the videos'), from the network
given for that seed, and tests it as ``tools/test.py`` would, before training and after every round. Prints Markdown:
keypoint AP on all test sets of the config; and of the persons learned in each round how many there are in a frame, the
share that is some true person (OKS of at least 0.5 and 0.75), and the share of true persons that are among them.
"""

from collections.abc import Sequence

import numpy as np
from training_rounds import RoundsBenchmark

from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import SIGMAS, Clip, Person

METRIC = "/ochuman/keypoints_AP"


def similarity(truth: Person, keypoints: np.ndarray) -> float:
    """COCO's OKS of a pose ``(17, 3)`` with an annotated person; missing joints are wrong."""
    labelled = truth.keypoints[:, 2] > 0
    squared = ((keypoints[labelled, :2] - truth.keypoints[labelled, :2]) ** 2).sum(-1)
    near = np.exp(-squared / (2 * max(truth.area, 1) * (2 * SIGMAS[labelled]) ** 2))
    return float((near * (keypoints[labelled, 2] > 0)).mean()) if labelled.any() else 0.0


def label_quality(store: PseudoLabelStore, videos: Sequence[Clip]) -> dict[int, dict[str, float]]:
    """By round."""
    truths = {clip.name: [clip.truth(index).persons() for index in range(len(clip))] for clip in videos}
    result = {}
    for number in store.rounds():
        best, found, frames = [], [], 0
        for name, persons_of in truths.items():
            for label in store.read(number).clip(name):
                frames += 1
                learned = [person.keypoints for person in label.persons if not person.crowd]
                oks = np.array([[similarity(true, pose) for pose in learned] for true in persons_of[label.frame]])
                oks = oks.reshape(len(persons_of[label.frame]), len(learned))
                best += list(oks.max(0, initial=0))
                found += list(oks.max(1, initial=0) >= 0.5)
        result[number] = {
            "learned, a frame": len(best) / frames,
            "right at OKS .5, %": 100 * float(np.mean(np.array(best) >= 0.5)),
            "at .75, %": 100 * float(np.mean(np.array(best) >= 0.75)),
            "of the true persons, %": 100 * float(np.mean(found)),
        }
    return result


if __name__ == "__main__":
    RoundsBenchmark("GBSRHook", METRIC, 100, "Keypoint AP", label_quality, True).run(__doc__.split("\n\n")[0])
