"""Train a model: python tools/train.py CONFIG [options]"""

import argparse
import os
import sys
from pathlib import Path

from mmengine.config import Config, DictAction

from mmselfhuman.utils import ConfigError, UnsafeCheckpointError, checkpoint_to_resume, load_config, only_weights


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a model.")
    parser.add_argument("config", help="config file")
    parser.add_argument("--work-dir", help="where logs and checkpoints go (default: work_dirs/<name of the config>)")
    parser.add_argument("--amp", action="store_true", help="train with automatic mixed precision")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="continue from this checkpoint or, without a value, from the latest one in the work dir",
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="KEY=VALUE",
        help="override values of the config, e.g. train_dataloader.batch_size=8 model.decode_head.dilations=[1,6,12]",
    )
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none", help="job launcher")
    parser.add_argument("--local-rank", "--local_rank", type=int, default=0, help="set by torch.distributed.launch")
    args = parser.parse_args()
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    return args


def training_config(args: argparse.Namespace) -> Config:
    """The config file with the command line applied to it."""
    config = load_config(args.config, args.cfg_options)
    config.launcher = args.launcher
    if args.work_dir:
        config.work_dir = args.work_dir
    elif config.get("work_dir") is None:
        config.work_dir = os.path.join("work_dirs", Path(args.config).stem)
    if args.amp:
        use_mixed_precision(config)
    if args.resume == "auto":
        # MMEngine's own search would start from nothing, not from load_from, when there is no checkpoint yet.
        found = checkpoint_to_resume(config.work_dir)
        config.resume, config.load_from = bool(found), found or config.get("load_from")
    elif args.resume:
        if "://" not in args.resume and not os.path.isfile(args.resume):
            raise FileNotFoundError(f"checkpoint to resume from not found: {args.resume}")
        config.resume, config.load_from = True, args.resume
    return config


def use_mixed_precision(config: Config) -> None:
    wrapper = config.optim_wrapper.get("type", "OptimWrapper")
    if wrapper not in ("OptimWrapper", "AmpOptimWrapper", "BFloat16OptimWrapper"):
        raise ConfigError(f"--amp replaces optim_wrapper.type 'OptimWrapper', but {config.filename} uses '{wrapper}'")
    config.optim_wrapper.type = "AmpOptimWrapper"
    config.optim_wrapper.setdefault("loss_scale", "dynamic")


def main() -> None:
    args = parse_args()
    try:
        config = training_config(args)
    except (ConfigError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")

    import torch.distributed
    from mmengine.registry import RUNNERS
    from mmengine.runner import Runner

    from mmselfhuman.engine.label_making import CollapsedLabelsError

    try:
        with only_weights():
            runner = RUNNERS.build(config) if "runner_type" in config else Runner.from_cfg(config)
            runner.train()
    except (CollapsedLabelsError, UnsafeCheckpointError) as error:
        sys.exit(f"error: {error}")
    if torch.distributed.is_initialized():  # threads of a group that is still there at exit may abort the process
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
