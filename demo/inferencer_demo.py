"""Segment persons: python demo/inferencer_demo.py INPUT ... --model CONFIG --weights CHECKPOINT --out-dir outputs"""

import argparse
import sys

from mmengine.config import DictAction

PARTS = ("pose", "seg", "pose2seg")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Segment the persons of images and videos.")
    parser.add_argument("inputs", nargs="+", help="images, videos, folders, patterns, URLs, numbers of cameras")
    parser.add_argument("--model", help="config, name in model-index.yml, or work dir of a finished self-training")
    parser.add_argument("--weights", help="checkpoint; with the config in it, --model is not needed")
    for part in PARTS:
        parser.add_argument(
            f"--{part}",
            nargs="+",
            metavar=("CONFIG", "CHECKPOINT"),
            help=f"config and checkpoint of the {part} network, instead of --model and --weights",
        )
    parser.add_argument("--out-dir", default="outputs", help="where results go (default: outputs)")
    parser.add_argument("--device", help="cpu, cuda:0, ... (default: the best there is)")
    parser.add_argument("--batch-size", type=int, default=4, help="images that go through the networks together")
    parser.add_argument("--temporal", choices=["none", "ids", "refine"], default="ids", help="of videos: nothing, "
                        "follow persons, or refine masks and poses with TPR and GBSR as well")  # fmt: skip
    parser.add_argument("--frame-step", type=int, default=1, metavar="N", help="of videos every N-th frame")
    parser.add_argument("--max-frames", type=int, metavar="N", help="of each video at most N frames")
    parser.add_argument("--resize", type=float, metavar="FACTOR", help="shrink or enlarge the frames of videos")
    parser.add_argument("--min-score", type=float, default=0.3, help="persons with a lower score are not drawn")
    parser.add_argument("--no-masks", action="store_true", help="do not write masks as PNGs")
    parser.add_argument("--show", action="store_true", help="show results in a window")
    parser.add_argument(
        "--settings",
        nargs="+",
        action=DictAction,
        default={},
        metavar="KEY=VALUE",
        help="of the detector, e.g. fusion.mode=exclusive pose2seg.batch_size=8",
    )
    args = parser.parse_args()
    parts = {part: given for part in PARTS if (given := getattr(args, part))}
    if any(len(given) > 2 for given in parts.values()):
        parser.error("a part takes a config and a checkpoint")
    if parts and (args.model or args.weights):
        parser.error("give --model and --weights, or the parts")
    args.parts = parts
    return args


def nested(settings: dict) -> dict:
    """``{'fusion.mode': 'x'}`` as ``{'fusion': {'mode': 'x'}}``."""
    from mmengine.config import Config

    config = Config({})
    config.merge_from_dict(settings)
    return config.to_dict()


def main() -> None:
    args = parse_args()
    from mmselfhuman.apis import SelfHumanInferencer

    model, weights = args.model, args.weights
    if args.parts:
        model = {part: given[0] for part, given in args.parts.items()}
        weights = {part: given[1] for part, given in args.parts.items() if len(given) == 2}
    try:
        inferencer = SelfHumanInferencer(model, weights, args.device, settings=nested(args.settings))
        result = inferencer(
            [int(one) if one.isdigit() else one for one in args.inputs],
            batch_size=args.batch_size,
            temporal=args.temporal,
            frame_step=args.frame_step,
            max_frames=args.max_frames,
            resize=args.resize,
            out_dir=args.out_dir,
            show=args.show,
            min_score=args.min_score,
            save_masks=not args.no_masks,
        )
    except (FileNotFoundError, RuntimeError, TypeError, ValueError) as error:
        sys.exit(f"error: {error}")
    persons = sum(len(one["instances"]) for one in result["predictions"])
    print(f"{args.out_dir}: {persons} persons in {len(result['predictions'])} images and frames")


if __name__ == "__main__":
    main()
