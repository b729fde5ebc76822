"""Test a model: python tools/test.py CONFIG CHECKPOINT [options]"""

import argparse
import os
import sys
from pathlib import Path

from mmengine.config import Config, ConfigDict, DictAction

from mmselfhuman.utils import ConfigError, UnsafeCheckpointError, load_config, only_weights


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Test a model.")
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file or URL")
    parser.add_argument("--work-dir", help="where logs go (default: work_dirs/<name of the config>)")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="write every prediction (.pkl, for offline analysis) or the metrics (.json) to FILE",
    )
    parser.add_argument("--show", action="store_true", help="show predictions in a window")
    parser.add_argument("--show-dir", metavar="DIR", help="draw predictions into DIR")
    parser.add_argument("--wait-time", type=float, default=2, help="seconds for which --show shows an image")
    parser.add_argument("--tta", action="store_true", help="augment images at test time (the config's tta_model)")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="KEY=VALUE",
        help="override values of the config, e.g. test_dataloader.batch_size=8 test_evaluator.range_mode=ignore",
    )
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none", help="job launcher")
    parser.add_argument("--local-rank", "--local_rank", type=int, default=0, help="set by torch.distributed.launch")
    args = parser.parse_args()
    if args.out and not args.out.endswith((".pkl", ".pickle", ".json")):
        parser.error(f"--out {args.out}: expected a name that ends in .pkl, .pickle or .json")
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    return args


def test_config(args: argparse.Namespace) -> Config:
    """The config file with the command line applied to it."""
    config = load_config(args.config, args.cfg_options)
    if "://" not in args.checkpoint and not os.path.isfile(args.checkpoint):
        raise FileNotFoundError(f"checkpoint not found: {args.checkpoint}")
    config.load_from, config.resume = args.checkpoint, False
    config.launcher = args.launcher
    if args.work_dir:
        config.work_dir = args.work_dir
    elif config.get("work_dir") is None:
        config.work_dir = os.path.join("work_dirs", Path(args.config).stem)
    if config.get("test_dataloader") is None:
        raise ConfigError(f"{config.filename} has no test_dataloader")
    if args.tta:
        augment_at_test_time(config)
    hooks = []
    if args.show or args.show_dir:
        if config.get("visualizer") is None:
            raise ConfigError(f"--show and --show-dir need a visualizer, which {config.filename} does not define")
        hooks.append(
            {
                "type": "mmselfhuman.ShowPredictions",
                "out_dir": args.show_dir,
                "show": args.show,
                "wait_time": args.wait_time,
            }
        )
    if args.out and not args.out.endswith(".json"):
        hooks.append({"type": "mmselfhuman.DumpPredictions", "out_file": args.out})
    config.custom_hooks = [*(config.get("custom_hooks") or []), *hooks]
    return config


def augment_at_test_time(config: Config) -> None:
    for key in ("tta_model", "tta_pipeline"):
        if config.get(key) is None:
            raise ConfigError(f"--tta needs '{key}', which {config.filename} does not define")
    for dataset in leaf_datasets(config.test_dataloader.dataset):
        dataset.pipeline = config.tta_pipeline
    config.model = ConfigDict(**config.tta_model, module=config.model)


def leaf_datasets(dataset: ConfigDict) -> list[ConfigDict]:
    """The datasets that have a pipeline, inside wrappers such as ``ConcatDataset`` or ``RepeatDataset``."""
    inner = dataset.get("datasets") or ([dataset.dataset] if "dataset" in dataset else [])
    return [leaf for child in inner for leaf in leaf_datasets(child)] if inner else [dataset]


def main() -> None:
    args = parse_args()
    try:
        config = test_config(args)
    except (ConfigError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")

    import torch.distributed
    from mmengine.dist import is_main_process
    from mmengine.fileio import dump
    from mmengine.registry import RUNNERS
    from mmengine.runner import Runner

    try:
        with only_weights():
            runner = RUNNERS.build(config) if "runner_type" in config else Runner.from_cfg(config)
            metrics = runner.test()
    except UnsafeCheckpointError as error:
        sys.exit(f"error: {error}")
    if args.out and args.out.endswith(".json") and is_main_process():
        dump(metrics, args.out, indent=2)
    if torch.distributed.is_initialized():  # threads of a group that is still there at exit may abort the process
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
