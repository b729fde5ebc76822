from mmselfhuman.utils.checkpoints import checkpoint_to_resume
from mmselfhuman.utils.config import ConfigError, load_config
from mmselfhuman.utils.setup_env import register_all_modules

__all__ = ["ConfigError", "checkpoint_to_resume", "load_config", "register_all_modules"]
