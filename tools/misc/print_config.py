"""Print a config with its bases merged in: python tools/misc/print_config.py CONFIG [options]"""

import argparse
import sys

from mmengine.config import DictAction

from mmselfhuman.utils import ConfigError, load_config


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Print a whole config: the file, its bases, and what overrides them.")
    parser.add_argument("config", help="config file")
    parser.add_argument("--save-path", metavar="FILE", help="also write it to FILE (.py, .json or .yml)")
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE", help="override values of the config"
    )
    args = parser.parse_args()
    if args.save_path and not args.save_path.endswith((".py", ".json", ".yml")):
        parser.error(f"--save-path {args.save_path}: expected a name that ends in .py, .json or .yml")
    return args


def main() -> None:
    args = parse_args()
    try:
        config = load_config(args.config, args.cfg_options)
    except (ConfigError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
    print(config.pretty_text)
    if args.save_path:
        config.dump(args.save_path)


if __name__ == "__main__":
    main()
