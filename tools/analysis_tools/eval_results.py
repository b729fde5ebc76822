"""Evaluate COCO results, without a model, as OCHumanMetric and COCOPersonsMetric do.

    python tools/analysis_tools/eval_results.py ochuman --segm results.segm.json --ann-file data/OCHuman --split val
    python tools/analysis_tools/eval_results.py ochuman --keypoints poses.json --images predicted_on.json \\
        --ann-file all=a.json moderate=m.json hard=h.json
    python tools/analysis_tools/eval_results.py cocopersons --segm results.segm.json \\
        --ann-file data/coco/annotations/person_keypoints_val2017.json

Results are joined with the ground truth by file_name. Where they carry image_id alone, --images names the annotation
file whose ids these are; by default it is the ground truth, if that is a single file.
"""

import argparse
from pathlib import Path

from mmselfhuman.evaluation import COCOPersonsMetric, OCHumanMetric
from mmselfhuman.evaluation.coco_eval import BACKENDS, IOU_TYPES
from mmselfhuman.evaluation.ground_truth import MAX_IOU_RANGES, RANGE_MODES, read_truth
from mmselfhuman.evaluation.person_metric import PersonMetric
from mmselfhuman.evaluation.results_file import read_results


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", choices=["ochuman", "cocopersons"])
    for metric in IOU_TYPES:
        parser.add_argument(f"--{metric}", metavar="FILE", help=f"COCO results for {metric}")
    parser.add_argument(
        "--ann-file",
        nargs="+",
        required=True,
        metavar="FILE",
        help="ground truth: a file; for ochuman also the folder of the range files (with --split), or RANGE=FILE for "
        "the ranges all, moderate and hard",
    )
    parser.add_argument("--images", metavar="FILE", help="annotation file whose image ids the results use")
    parser.add_argument("--person-category", type=int, default=1, help="category_id of persons in the results")
    parser.add_argument(
        "--backend", choices=BACKENDS, default=BACKENDS[0], help="who computes; the numbers are the same"
    )
    parser.add_argument("--given-keypoints", action="store_true", help="the masks come from annotated poses")
    parser.add_argument("--no-filter", action="store_true", help="take the ground truth's persons as they are")
    ochuman = parser.add_argument_group("ochuman")
    ochuman.add_argument("--split", help="val or test")
    ochuman.add_argument("--range-mode", choices=RANGE_MODES, default=RANGE_MODES[0])
    ochuman.add_argument(
        "--fully-labelled",
        nargs="?",
        const=True,
        default=False,
        metavar="FILE",
        help="only the fully labelled images; FILE lists them, if the ground truth does not say",
    )
    ochuman.add_argument("--variant", help="a name for the table")
    args = parser.parse_args()
    if not any(getattr(args, metric) for metric in IOU_TYPES):
        parser.error("no results: give " + ", ".join(f"--{metric}" for metric in IOU_TYPES))
    return args


def build_metric(args: argparse.Namespace) -> PersonMetric:
    """The metric that the command line describes."""
    options = {
        "metric": [metric for metric in IOU_TYPES if getattr(args, metric)],
        "coco_backend": args.backend,
        "given_keypoints": args.given_keypoints,
        "filter_persons": not args.no_filter,
    }
    ann_file = ground_truth_of(args)
    if args.protocol == "cocopersons":
        if not isinstance(ann_file, str):
            raise ValueError(f"cocopersons has one annotation file, got {args.ann_file}")
        return COCOPersonsMetric(ann_file, **options)
    return OCHumanMetric(
        ann_file,
        split=args.split,
        range_mode=args.range_mode,
        fully_labelled=args.fully_labelled,
        variant=args.variant,
        **options,
    )


def ground_truth_of(args: argparse.Namespace) -> str | dict[str, str]:
    """--ann-file as the metrics take it: a path, or paths by range."""
    pairs = [entry.partition("=") for entry in args.ann_file]
    if all(equals and name in MAX_IOU_RANGES for name, equals, _ in pairs):
        return {name: path for name, _, path in pairs}
    if len(args.ann_file) > 1:
        raise ValueError(f"--ann-file {' '.join(args.ann_file)}: several files are each RANGE=FILE, as in all=a.json")
    return args.ann_file[0]


def names_of_ids(args: argparse.Namespace) -> dict[int, str]:
    """File names by the image ids that the results use."""
    ann_file = ground_truth_of(args)
    files = [ann_file] if isinstance(ann_file, str) else list(ann_file.values())
    path = args.images or (files[0] if len(files) == 1 and Path(files[0]).is_file() else None)
    return {} if path is None else {image["id"]: image["file_name"] for image in read_truth(path).images}


def main() -> None:
    args = parse_args()
    try:
        metric = build_metric(args)
        names = names_of_ids(args)
        results, notes = {}, []
        for name in metric.metrics:
            path = getattr(args, name)
            results[name], others = read_results(path, name, names, args.person_category)
            if others:
                notes.append(f"{path}: {others} results of other categories than {args.person_category} were left out")
        report = metric.score(results)
    except (ValueError, OSError, ImportError) as error:
        raise SystemExit(f"error: {error}") from error
    print(report.text, *(f"note: {line}" for line in (*notes, *report.warnings)), sep="\n")


if __name__ == "__main__":
    main()
