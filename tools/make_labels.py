"""Label videos once, refined by TPR: python tools/make_labels.py CONFIG CHECKPOINT --videos PATH ... --out STORE

Or refine what another network has said: python tools/make_labels.py --predictions FOLDER --videos PATH ... --out STORE
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.config import DictAction

from mmselfhuman.utils import ConfigError, join_ranks, load_config, only_weights, part_ranks

if TYPE_CHECKING:
    from mmselfhuman.engine.label_making import Predictor


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Label videos once: a network's logits, or logits and masks from files, refined by TPR. What is "
        "there already, made with the same weights and settings, is not made again."
    )
    parser.add_argument("config", nargs="?", help="config file of the network, any of mmseg's")
    parser.add_argument("checkpoint", nargs="?", help="its weights, a file or URL")
    parser.add_argument("--out", required=True, metavar="STORE", help="folder of the pseudo-label store")
    parser.add_argument("--videos", nargs="+", metavar="PATH", help="files, folders (default: the config's 'videos')")
    parser.add_argument("--frame-step", type=int, default=1, metavar="N", help="label every N-th frame")
    parser.add_argument("--resize", type=float, metavar="FACTOR", help="shrink or enlarge the frames first")
    parser.add_argument("--round", type=int, default=0, metavar="N", help="number of the round (default: 0)")
    parser.add_argument("--threshold", type=float, default=0.7, help="confidence below which a pixel is unsure")
    parser.add_argument("--batch-size", type=int, default=8, help="frames that go through the network together")
    parser.add_argument(
        "--refiner",
        nargs="+",
        action=DictAction,
        default={},
        metavar="KEY=VALUE",
        help="settings of TPR, e.g. window=5 rounds=3 flow.type=RAFTFlow",
    )
    group = parser.add_argument_group("bring your own predictions")
    group.add_argument(
        "--predictions",
        metavar="FOLDER",
        help="FOLDER/<video>/<frame>.npz ('logits', K x h x w) or .png (labels)",
    )
    group.add_argument("--num-classes", type=int, default=2, help="K of the predictions")
    group.add_argument("--foreground", action="store_true", help="PNGs are masks: whatever is not 0 is class 1")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="override the config")
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none", help="job launcher")
    parser.add_argument("--local-rank", "--local_rank", type=int, default=0, help="set by torch.distributed.launch")
    args = parser.parse_args()
    if bool(args.predictions) == bool(args.checkpoint):
        parser.error("give either CONFIG and CHECKPOINT, or --predictions FOLDER")
    if args.predictions and not args.videos:
        parser.error("--predictions needs --videos")
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    return args


def nested(settings: dict) -> dict:
    """``{'flow.type': 'RAFTFlow'}`` as ``{'flow': {'type': 'RAFTFlow'}}``."""
    from mmengine.config import Config

    config = Config({})
    config.merge_from_dict(settings)
    return config.to_dict()


def main() -> None:
    args = parse_args()
    try:
        config = load_config(args.config, args.cfg_options) if args.config else None
        if args.checkpoint and "://" not in args.checkpoint and not os.path.isfile(args.checkpoint):
            raise FileNotFoundError(f"checkpoint not found: {args.checkpoint}")
        if not args.videos and config.get("videos") is None:
            raise ConfigError(f"{args.config} has no 'videos': give --videos PATH ...")
    except (ConfigError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")

    from mmengine.dist import init_dist, is_main_process
    from mmengine.registry import init_default_scope

    from mmselfhuman.engine.label_making import CollapsedLabelsError, LabelMaker, make_round
    from mmselfhuman.pseudo_labels import PseudoLabelError, PseudoLabelStore
    from mmselfhuman.registry import DATASETS, MODELS

    if args.launcher == "pytorch":
        join_ranks()
    elif args.launcher != "none":
        init_dist(args.launcher, **(config or {}).get("env_cfg", {}).get("dist_cfg", {"backend": "nccl"}))
    init_default_scope((config or {}).get("default_scope", "mmselfhuman"))
    videos = {"type": "UnlabelledVideos", "paths": args.videos, "frame_step": args.frame_step, "resize": args.resize}
    videos = videos if args.videos else config.videos
    refiner = {"type": "TemporalParsingRefiner", **nested(args.refiner)}
    try:
        with only_weights():
            built = MODELS.build({"_scope_": "mmselfhuman", **refiner})
            network = predictor(args, config)
        report = make_round(
            PseudoLabelStore(args.out),
            args.round,
            DATASETS.build({"_scope_": "mmselfhuman", **videos}),
            network,
            LabelMaker(built, args.threshold, batch_size=args.batch_size),
            provenance={"made_by": "make_labels", "videos": json.loads(json.dumps(videos, default=str))},
        )
    except (CollapsedLabelsError, PseudoLabelError, FileNotFoundError, ValueError) as error:
        sys.exit(f"error: {error}")
    part_ranks()
    if is_main_process():
        print(f"{Path(args.out)}: round {args.round}, {report.signals.frames} frames of {report.signals.clips} clips")


def predictor(args: argparse.Namespace, config: dict | None) -> Predictor:
    from mmselfhuman.engine.label_making import SegmentorPredictor, StoredPredictions

    if args.predictions:
        return StoredPredictions(args.predictions, args.num_classes, args.foreground)
    from mmengine.device import get_device
    from mmengine.registry import MODELS
    from mmengine.runner import load_checkpoint

    from mmselfhuman.engine.label_making.weights import weights_digest

    model = MODELS.build(config.model)
    with only_weights():
        load_checkpoint(model, args.checkpoint, map_location="cpu")
    identity = {"model": type(model).__name__, "weights": weights_digest(model)}
    return SegmentorPredictor(model.to(get_device()), identity=identity)


if __name__ == "__main__":
    main()
