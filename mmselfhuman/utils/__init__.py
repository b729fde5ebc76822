from mmselfhuman.utils.config import ConfigError, load_config
from mmselfhuman.utils.setup_env import register_all_modules

__all__ = ["ConfigError", "load_config", "register_all_modules"]
