"""The loop's shipped configs, cut down until a round takes seconds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "configs" / "self_training" / "synthetic-128x128"
STEPS = {"pretrain": 12, "refine": 2, "finetune": 4, "test": 0}
_LOOP = """
networks = dict({networks})
videos = dict(type='SyntheticVideos', split='target', num_videos=2, num_frames=4, size=(128, 128))
rounds = 1
n_tpr = 2
agreement = 1.0
labels = dict(threshold=0.5, person_threshold=0.0, guard=dict(largest_class=1.0, ignored=1.0))
guard = dict(stability=1.0, network=1.0, empty=1.0, ignored=1.0, foreground=float('inf'))
"""


def write_loop(folder: Path, networks: tuple[str, ...] = ("seg",), more: str = "", shipped: Path = SHIPPED) -> Path:
    """Write a loop config and its networks' configs.

    Args:
        folder: Where to.
        networks: Which.
        more: Further lines of the loop config.
        shipped: Where the configs lie that are cut down.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for name in networks:
        found = {part: f"{name}_{part}.py" for part in STEPS if (shipped / f"{name}_{part}.py").is_file()}
        for part, file in found.items():
            cut_down(shipped / file, STEPS[part]).dump(folder / file)
        init = {"init": "seg"} if name == "pose2seg" else {}
        entries.append(f"{name}=dict({', '.join(f'{k}={v!r}' for k, v in (found | init).items())})")
    path = folder / "loop.py"
    path.write_text(_LOOP.format(networks=", ".join(entries)) + more)
    return path


def cut_down(path: Path, steps: int) -> Config:
    """A config of tiny networks and data."""
    config = Config.fromfile(path, format_python_code=False)
    for node in _dictionaries(config._cfg_dict):
        kind = str(node.get("type", "")).rpartition(".")[2]
        if kind == "SyntheticPeople":
            node["num_images"] = 4
        elif kind == "AnnotatedVideos":
            node["frame_step"] = 50
        elif kind == "UNet":
            node["base_channels"] = 4
        elif kind == "FCNHead":
            node.update(in_channels=4, channels=4, dropout_ratio=0.2)
            # After a few steps, else, nobody is found.
            losses = node["loss_decode"]
            cross_entropy = losses[0] if isinstance(losses, list) else losses
            cross_entropy.update(class_weight=[1.0, 5.0], avg_non_ignore=False)
        elif kind == "AssociativeEmbeddingHead":
            node["in_channels"] = 4
            # Whether heatmaps rise above the threshold after so few steps is chance; over almost none, they do.
            node["decoder"]["decode_keypoint_thr"] = 1e-4
        elif kind == "TPRHook":
            node.update(interval=steps, threshold=0.5, guard={"largest_class": 1.0})
        elif kind == "GBSRHook":
            node.update(
                interval=steps, person_threshold=0.0, joint_threshold=0.0, nobody_threshold=0.0, guard={"empty": 1.0}
            )
    if steps:
        _shorten(config, steps)
    config.test_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    return config


def _shorten(config: Config, steps: int) -> None:
    config.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    config.train_cfg.max_iters = steps
    config.param_scheduler = None
    config.default_hooks.logger.interval = 1
    config.default_hooks.checkpoint.interval = 2


def _dictionaries(node: Any) -> Iterator[dict]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list | tuple) else ():
        yield from _dictionaries(child)
