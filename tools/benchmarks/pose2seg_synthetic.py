"""Masks of synthetic people from their poses: by the Seg Module alone, by Pose2Seg, and fused, against exact truth.

Prints Markdown: mask AP over the persons of the target domain, AP_M and AP_H by their MaxIoU, for each way to make
masks from the same poses.

    python tools/benchmarks/pose2seg_synthetic.py SEG_CONFIG SEG_CHECKPOINT CONFIG CHECKPOINT [--poses annotated noisy]
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmselfhuman.datasets import PersonPose2SegDataset, SyntheticPeople
from mmselfhuman.datasets.transforms import PoseNoise
from mmselfhuman.evaluation import OCHumanMetric
from mmselfhuman.models.pose2seg import PersonFusion, Window, paste_windows, person_regions, window_to_rle
from mmselfhuman.registry import MODELS
from mmselfhuman.utils import load_config

COLUMNS = ("AP", "AP50", "AP75", "AP_M", "AP_H", "AR")
BATCH = 32


@dataclass(eq=False)
class Frame:
    """An image, its poses, and what both networks say about it.

    Attributes:
        poses: ``(n, 17, 3)`` of ``(x, y, score)``.
        seg: ``(2, H, W)`` logits.
        windows: Pose2Seg's logits of each person.
    """

    file_name: str
    poses: Tensor
    seg: Tensor
    windows: list[Window]

    @property
    def size(self) -> tuple[int, int]:
        return tuple(self.seg.shape[-2:])


def cut_by_boxes(frame: Frame) -> list[tuple[Window, float]]:
    """The Seg Module's mask in the box of each person's joints, a tenth larger; the nearest there is to an instance."""
    boxes = person_regions(frame.poses, frame.size, context=1.1, min_side=1.0)
    ones = frame.seg.new_zeros((len(boxes), 2, 1, 1))
    fusion = PersonFusion(pose2seg_weight=0.0)
    return [(p.window, p.score) for p in fusion(paste_windows(ones, boxes, frame.size), frame.size, frame.seg)]


def fused(mode: str, seg_weight: float = 1.0) -> Callable[[Frame], list[tuple[Window, float]]]:
    """Masks by eq. (10); without the Seg Module if its weight is 0."""
    fusion = PersonFusion(mode, seg_weight=seg_weight)
    return lambda frame: [(p.window, p.score) for p in fusion(frame.windows, frame.size, frame.seg)]


ROWS: dict[str, Callable[[Frame], list[tuple[Window, float]]]] = {
    "Seg, cut by boxes of joints": cut_by_boxes,
    "Pose2Seg, independent": fused("independent", 0.0),
    "Pose2Seg, exclusive": fused("exclusive", 0.0),
    "fused, independent (the paper)": fused("independent"),
    "fused, exclusive": fused("exclusive"),
    "fused, Seg's weight 0.5, exclusive": fused("exclusive", 0.5),
    "fused, Seg's weight 0.25, exclusive": fused("exclusive", 0.25),
}
POSES = {
    "annotated": None,
    "annotated, visibility not told": PoseNoise(0, 0, 0, 0, 0, 0, forget_visibility=1),
    "noisy": PoseNoise(miss_others=0),
}


def network(config: dict, checkpoint: str) -> nn.Module:
    model = MODELS.build(config)
    load_checkpoint(model, checkpoint, map_location="cpu")
    return model.eval()


def segmented(seg: nn.Module, source: SyntheticPeople) -> Iterator[Tensor]:
    """The Seg Module's logits of every image."""
    for start in range(0, len(source), BATCH):
        images = [torch.from_numpy(source.image(i)).permute(2, 0, 1) for i in range(len(source))[start : start + BATCH]]
        size = {"img_shape": images[0].shape[1:], "ori_shape": images[0].shape[1:]}
        samples = [SegDataSample(metainfo=size) for _ in images]
        yield from (s.seg_logits.data for s in seg.test_step({"inputs": images, "data_samples": samples}))


@torch.no_grad()
def predict(seg: nn.Module, head: nn.Module, source: SyntheticPeople, noise: PoseNoise | None) -> list[Frame]:
    """Both networks' logits, of all persons who have a pose to be given."""
    dataset = PersonPose2SegDataset(source, test_mode=True)
    first = {}
    for index in range(len(dataset)):
        entry = dataset.get_data_info(index)
        first.setdefault(entry["source_index"], []).append(entry)
    frames = []
    for index, logits in enumerate(segmented(seg, source)):
        persons = first.get(index, [])
        if not persons:
            continue
        shown = persons[0] if noise is None else noise(persons[0])
        poses, visibility = torch.from_numpy(shown["poses"]), torch.from_numpy(shown["visibility"])
        image = torch.from_numpy(source.image(index)).permute(2, 0, 1)
        own, regions = head(image, poses, visibility)
        chosen = [p["person"] for p in persons if poses[p["person"], :, 2].any()]
        windows = list(paste_windows(own[chosen], regions[chosen], tuple(logits.shape[-2:])))
        frames.append(Frame(persons[0]["file_name"], poses[chosen], logits, windows))
    return frames


def measure(frames: list[Frame], metric: OCHumanMetric, row: str) -> dict[str, float]:
    results = [
        {"file_name": frame.file_name, "score": score, "segmentation": window_to_rle(window, frame.size)}
        for frame in frames
        for window, score in ROWS[row](frame)
    ]
    return metric.score({"segm": results}).values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("seg_config")
    parser.add_argument("seg_checkpoint")
    parser.add_argument("config", help="of Pose2Seg, trained on synthetic people")
    parser.add_argument("checkpoint")
    parser.add_argument("--split", default="target_test", help="of the synthetic people")
    parser.add_argument("--num-images", type=int)
    parser.add_argument("--poses", nargs="+", choices=list(POSES), default=["annotated"])
    parser.add_argument("--rows", nargs="*", default=list(ROWS), help="ways, by the start of their name")
    arguments = parser.parse_args()
    start = time.time()
    seg_config, config = load_config(arguments.seg_config), load_config(arguments.config)
    init_default_scope("mmselfhuman")
    seg = network(seg_config.model, arguments.seg_checkpoint)
    drawing = {key: value for key, value in config.maps.items() if key != "type"}
    head = MODELS.build({
        "type": "Pose2SegHead", "segmentor": network(config.model, arguments.checkpoint),
        "size": config.crop["size"][::-1], "context": config.crop["context"], **drawing,
    }).eval()  # fmt: skip
    source = SyntheticPeople(arguments.split, num_images=arguments.num_images)
    metric = OCHumanMetric(source=source, variant="synthetic")
    print("| poses | masks | " + " | ".join(COLUMNS) + " |\n|---|---|" + "---|" * len(COLUMNS))
    for poses in arguments.poses:
        np.random.seed(0)  # noqa: NPY002 (what transforms draw from)
        frames = predict(seg, head, source, POSES[poses])
        for row in ROWS:
            if any(row.startswith(name) for name in arguments.rows):
                values = measure(frames, metric, row)
                cells = " | ".join(f"{100 * values[f'segm_{column}']:.1f}" for column in COLUMNS)
                print(f"| {poses} | {row} | {cells} |", flush=True)
    print(f"\n{time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
