"""Join checkpoints: python tools/misc/combine_checkpoints.py CONFIG OUT --pose FILE --seg FILE --pose2seg FILE"""

import argparse
import sys

from mmselfhuman.utils import ConfigError, load_config


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Write one checkpoint of an instance segmenter from those of its networks; the config goes into "
        "it, so that the checkpoint is enough for SelfHumanInferencer."
    )
    parser.add_argument("config", help="config of the instance segmenter, e.g. from configs/instance")
    parser.add_argument("out", help="the checkpoint to write")
    for part in ("pose", "seg", "pose2seg"):
        parser.add_argument(f"--{part}", metavar="FILE", help=f"checkpoint of the {part} network, a file or URL")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    given = {part: value for part in ("pose", "seg", "pose2seg") if (value := getattr(args, part))}
    try:
        config = load_config(args.config)
        if not given:
            raise ConfigError("no checkpoint is given: --pose, --seg, --pose2seg")

        from mmengine.registry import init_default_scope
        from mmengine.runner import save_checkpoint

        from mmselfhuman.models.detectors.checkpoints import load_parts
        from mmselfhuman.registry import MODELS

        init_default_scope(config.get("default_scope", "mmselfhuman"))
        model = MODELS.build(config.model)
        load_parts(model, given)
    except (ConfigError, FileNotFoundError, ValueError) as error:
        sys.exit(f"error: {error}")
    save_checkpoint({"state_dict": model.state_dict(), "meta": {"cfg": config.pretty_text}}, args.out)
    print(f"{args.out}: {', '.join(given)}")


if __name__ == "__main__":
    main()
