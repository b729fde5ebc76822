"""What a stage's process needs, imported once for all of them."""

import contextlib
import io

from mmselfhuman.ecosystem import is_available
from mmselfhuman.engine.self_training.work import kinds
from mmselfhuman.utils import register_all_modules

with contextlib.redirect_stdout(io.StringIO()):  # some libraries print what they have not found
    kinds()
    register_all_modules(init_default_scope=False)
    for _name in (
        "mmseg.models",
        "mmseg.datasets",
        "mmpose.models",
        "mmpose.datasets",
        "mmdet.models",
        "mmdet.datasets",
    ):
        if is_available(_name.partition(".")[0]):
            with contextlib.suppress(ImportError):
                __import__(_name)
