"""A tiny training in one process and in two, each in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_RANK = """
import os, sys
sys.path[:0] = {paths!r}
from pathlib import Path
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from {configs} import tiny_training
from mmselfhuman.utils import part_ranks
from tpr_configs import train

class Drift(Hook):  # ranks have running statistics of their own
    priority = 'VERY_HIGH'
    def before_train(self, runner):
        for buffer in runner.model.buffers():
            buffer += get_rank()

config = tiny_training(Path({folder!r}), rounds=1)
config.launcher = {launcher!r}
if config.launcher == 'pytorch':  # MMEngine would look for a GPU
    torch.distributed.init_process_group('gloo')
config.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None)
config.custom_hooks[-1].videos.num_videos = 3
train(config, Drift())
part_ranks()
sys.stdout.flush()
os._exit(0)  # as a stage of the loop does: threads of a group that somebody still holds may abort the process at exit
"""


def stores_of_one_and_two_ranks(folder: Path, configs: str) -> tuple[Path, Path]:
    """Train with one round of labels of three clips, whose statistics differ between the ranks.

    Args:
        folder: For both trainings.
        configs: Name of the module with ``tiny_training``.

    Returns:
        The folders of the two stores.
    """
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    for name, launcher, command in (("one", "none", [sys.executable]), ("two", "pytorch", torchrun)):
        values = {"folder": str(folder / name), "launcher": launcher, "paths": [str(Path(__file__).parent)]}
        script = folder / f"{name}.py"
        script.write_text(_RANK.format(configs=configs, **values))
        result = subprocess.run(
            [*command, str(script)], capture_output=True, text=True, env=environment, cwd=folder, timeout=600
        )
        assert result.returncode == 0, result.stderr[-3000:]
    return folder / "one" / "store", folder / "two" / "store"
