from mmselfhuman.utils.checkpoints import UnsafeCheckpointError, checkpoint_to_resume, only_weights
from mmselfhuman.utils.config import ConfigError, load_config
from mmselfhuman.utils.plain_config import plain_config
from mmselfhuman.utils.ranks import join_ranks, part_ranks
from mmselfhuman.utils.setup_env import register_all_modules

__all__ = [
    "ConfigError",
    "UnsafeCheckpointError",
    "checkpoint_to_resume",
    "join_ranks",
    "load_config",
    "only_weights",
    "part_ranks",
    "plain_config",
    "register_all_modules",
]
