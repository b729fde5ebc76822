"""Look into a store of pseudo-labels, check it, and exchange labels with others.

    python tools/pseudo_labels.py show STORE
    python tools/pseudo_labels.py verify STORE
    python tools/pseudo_labels.py export STORE --coco labels.json --png label_maps/
    python tools/pseudo_labels.py import STORE --images frames/ --coco labels.json
    python tools/pseudo_labels.py import STORE --images frames/ --png label_maps/

docs/pseudo_labels.md describes the formats.
"""

import argparse
import json
from pathlib import Path

from mmselfhuman.datasets.pseudo_labels import PseudoLabels
from mmselfhuman.datasets.pseudo_labels.exchange import export_coco, export_png, import_coco, import_png
from mmselfhuman.pseudo_labels import PseudoLabelError, PseudoLabelStore, RoundReader


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in (
        ("show", "say what is in a round"),
        ("verify", "read everything and compare it with its checksums; exit status 1 if anything is damaged"),
        ("export", "write a round in the formats of others"),
        ("import", "make a round of labels of others"),
    ):
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("store", type=Path, help="folder of the store")
        command.add_argument("--round", type=int, help="number of the round (default: the latest; for import: 0)")
        if name in ("export", "import"):
            command.add_argument("--coco", type=Path, help="COCO annotation file")
            command.add_argument("--png", type=Path, help="folder of label maps")
            command.add_argument("--overwrite", action="store_true", help="replace what exists")
        if name == "export":
            command.add_argument("--min-score", type=float, default=0.0, help="persons below it are written as crowds")
            command.add_argument(
                "--detectors",
                action="store_true",
                help="leave frames without a sure person out of the COCO file, and crowds that cover one: a detector "
                "would ignore the person too",
            )
        if name == "import":
            command.add_argument("--images", type=Path, required=True, help="folder of the images")
    args = parser.parse_args()
    if args.command == "export" and not (args.coco or args.png):
        parser.error("export needs --coco, --png or both")
    if args.command == "import" and bool(args.coco) == bool(args.png):
        parser.error("import needs either --coco or --png")
    return args


def show(store: PseudoLabelStore, args: argparse.Namespace) -> None:
    reader = store.read(args.round)
    print(f"{store.root}: committed rounds {store.rounds()}; this is round {reader.number}")
    print(_describe(reader))
    size = reader.num_bytes()
    print(f"bytes per frame: {size['labels']:.0f} labels, {size['pixels']:.0f} pixels (shared by all rounds)")
    print(f"summary: {json.dumps(reader.summary)}")
    print(f"provenance: {json.dumps(reader.provenance)}")


def verify(store: PseudoLabelStore, args: argparse.Namespace) -> None:
    numbers = store.rounds() if args.round is None else [args.round]
    if not numbers:
        raise PseudoLabelError(f"{store.root} has no committed round")
    problems = []
    for number in numbers:
        try:
            found = store.read(number).verify()
        except PseudoLabelError as error:
            found = [str(error)]
        print(f"round {number}: {'whole' if not found else f'{len(found)} damaged or missing files'}")
        problems += found
    if problems:
        raise SystemExit("\n".join(problems))


def export(store: PseudoLabelStore, args: argparse.Namespace) -> None:
    source = PseudoLabels(store.root, args.round, min_score=args.min_score)
    if args.coco:
        content = export_coco(source, args.coco, args.overwrite, args.detectors)
        print(f"{args.coco}: {len(content['images'])} images, {len(content['annotations'])} persons")
    if args.png:
        print(f"{args.png}: {export_png(source, args.png, args.overwrite)} label maps")
    print(f"images are below {store.images.folder}")


def import_(store: PseudoLabelStore, args: argparse.Namespace) -> None:
    number = args.round or 0
    replaced = [later for later in store.rounds() if later >= number]
    if replaced and not args.overwrite:
        raise FileExistsError(f"{store.root} has rounds {replaced} already; pass --overwrite to replace them")
    if args.coco:
        reader = import_coco(args.coco, args.images, store, number)
    else:
        reader = import_png(args.png, args.images, store, number)
    print(f"{store.root}, round {number}: {_describe(reader)}")


def _describe(reader: RoundReader) -> str:
    persons = [reader.num_persons(index) for index in range(len(reader))]
    known = [count for count in persons if count is not None]
    about = f"{sum(known)} persons in {len(known)} of them" if known else "nothing said about persons"
    return f"{len(reader.clips)} clips, {len(reader)} frames, {about}"


def main() -> None:
    args = parse_args()
    commands = {"show": show, "verify": verify, "export": export, "import": import_}
    try:
        commands[args.command](PseudoLabelStore(args.store), args)
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
