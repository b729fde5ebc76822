"""What rounds of TPR training are worth: the network after each of them, and the labels that it learned from.

    python tools/benchmarks/tpr_training.py CONFIG --checkpoints A.pth B.pth C.pth --seeds 0 1 2 --work-dir FOLDER

Trains a config with ``TPRHook`` over synthetic videos once per seed, from the network given for that seed, and tests it
as ``tools/test.py`` would, before training and after every round. Prints Markdown: person IoU on all test sets of the
config, and precision, recall and unsure pixels of the labels of each round against the truth. Where the schedule of
learning rates does not look beyond a round, the network after n rounds is that of a training with n rounds.
"""

from collections.abc import Sequence

from training_rounds import RoundsBenchmark

from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import UNSURE, Clip


def label_quality(store: PseudoLabelStore, videos: Sequence[Clip]) -> dict[int, dict[str, float]]:
    """Of the persons in each round, over all pixels that are sure: precision, recall, IoU; and the share of unsure."""
    truths = {clip.name: [clip.truth(index).owners >= 0 for index in range(len(clip))] for clip in videos}
    result = {}
    for number in store.rounds():
        found = both = present = unsure = pixels = 0
        for name, masks in truths.items():
            for label in store.read(number).clip(name):
                truth, sure = masks[label.frame], label.semantic != UNSURE
                person = sure & (label.semantic > 0)
                found, present = found + person.sum(), present + (truth & sure).sum()
                both, unsure, pixels = both + (truth & person).sum(), unsure + (~sure).sum(), pixels + sure.size
        result[number] = {
            "precision": 100 * both / found,
            "recall": 100 * both / present,
            "IoU": 100 * both / (found + present - both),
            "unsure": 100 * unsure / pixels,
        }
    return result


if __name__ == "__main__":
    RoundsBenchmark("TPRHook", "/IoU_person", 1, "Person IoU", label_quality, False).run(__doc__.split("\n\n")[0])
