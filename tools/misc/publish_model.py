"""Make a checkpoint ready to be handed out: python tools/misc/publish_model.py CHECKPOINT OUT [--config CONFIG]"""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any

_DIGITS = 8


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Write what is needed to use a network and nothing of its training (optimizer, schedule, messages, "
        "the second set of weights of an average), and end the file's name with the first digits of its SHA-256, by "
        "which PyTorch and MMEngine check what they download."
    )
    parser.add_argument("checkpoint", help="as a training or combine_checkpoints.py wrote it")
    parser.add_argument("out", help="the file to write; 'seg.pth' becomes 'seg-1a2b3c4d.pth'")
    parser.add_argument("--config", help="put this config into the file, so that it is enough for SelfHumanInferencer")
    return parser.parse_args()


def published(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Weights, on the CPU, and what says how to use them.

    With ``EMAHook``, a checkpoint's ``state_dict`` has the averaged weights, with which the network is tested.

    Raises:
        ValueError: There are no weights.
    """
    if "state_dict" not in checkpoint:
        raise ValueError(f"the checkpoint has no 'state_dict', only {sorted(checkpoint)}")
    meta = checkpoint.get("meta", {})
    return {
        # A tensor that is a part of a larger one would be saved with all of it.
        "state_dict": {name: value.detach().cpu().clone() for name, value in checkpoint["state_dict"].items()},
        "meta": {name: meta[name] for name in ("cfg", "dataset_meta") if name in meta},
    }


def main() -> None:
    args = parse_args()

    import torch
    from mmengine.runner import CheckpointLoader

    from mmselfhuman.utils import ConfigError, load_config, only_weights

    try:
        with only_weights():
            state = published(CheckpointLoader.load_checkpoint(args.checkpoint, map_location="cpu"))
        if args.config:
            state["meta"]["cfg"] = load_config(args.config).pretty_text
    except (ConfigError, FileNotFoundError, ValueError) as error:
        sys.exit(f"error: {error}")
    out = Path(args.out)
    part = out.with_name(f"{out.name}.part")
    torch.save(state, part)
    target = out.with_name(f"{out.stem}-{hashlib.sha256(part.read_bytes()).hexdigest()[:_DIGITS]}{out.suffix}")
    part.replace(target)
    print(target)


if __name__ == "__main__":
    main()
