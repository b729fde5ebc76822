"""Run Algorithm 1: python tools/self_train.py CONFIG [options]"""

import argparse
import os
import signal
import sys
from pathlib import Path

from mmengine.config import DictAction

INTERRUPTED = 130


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train on labelled images, then let the networks teach themselves on unlabelled videos, round by "
        "round. The same command goes on where it was interrupted."
    )
    parser.add_argument("config", help="config of the loop, see configs/self_training")
    parser.add_argument("--work-dir", help="where everything goes (default: work_dirs/<name of the config>)")
    parser.add_argument(
        "--videos",
        nargs="+",
        metavar="PATH",
        help="files, folders of frames or of videos, for the config's",
    )
    parser.add_argument(
        "--checkpoint",
        nargs="+",
        action=DictAction,
        default={},
        metavar="NETWORK=FILE",
        help="weights instead of pre-training, e.g. seg=a.pth pose=b.pth",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="at most so many rounds")
    parser.add_argument("--from", dest="first", metavar="STAGE", help="make this stage again, and what depends on it")
    parser.add_argument("--until", metavar="STAGE", help="end after this stage")
    parser.add_argument(
        "--dry-run", action="store_true", help="check, measure for a moment, and say what would be done"
    )
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="override the config")
    parser.add_argument("--verbose", action="store_true", help="show the log of every stage")
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none", help="job launcher")
    parser.add_argument("--local-rank", "--local_rank", type=int, default=0, help="set by torch.distributed.launch")
    args = parser.parse_args()
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    args.work_dir = Path(args.work_dir or Path("work_dirs", Path(args.config).stem)).absolute()
    return args


def options(args: argparse.Namespace) -> dict:
    """What the command line says about the config, as dotted paths."""
    chosen = dict(args.cfg_options or {})
    chosen |= {f"networks.{name}.checkpoint": os.path.abspath(path) for name, path in args.checkpoint.items()}
    if args.rounds is not None:
        chosen["rounds"] = args.rounds
    return chosen


def main() -> None:
    args = parse_args()
    from mmselfhuman.utils import ConfigError

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        # The libraries are imported when the command line has been read, so that mistakes in it are told at once.
        from mmselfhuman.engine.self_training.command import Command

        code = Command(
            config=args.config,
            work_dir=args.work_dir,
            options=options(args),
            videos=[os.path.abspath(path) for path in args.videos or ()],
            first=args.first,
            until=args.until,
            dry_run=args.dry_run,
            verbose=args.verbose,
            launcher=args.launcher,
            words=sys.argv,
        ).run()
    except (ConfigError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C has nothing left to stop
        print("\nInterrupted. Nothing that was finished is lost: the same command goes on from here.", file=sys.stderr)
        code = INTERRUPTED
    sys.exit(code)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
