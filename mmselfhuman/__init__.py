"""mmselfhuman: self-supervised human instance segmentation for OpenMMLab 2.x.

``import mmselfhuman`` is cheap: it makes the package known to MMEngine's configs and imports neither models nor the
other OpenMMLab libraries. Components are imported by the registries when a config first names one.
"""

from mmselfhuman.ecosystem import register_config_packages
from mmselfhuman.version import __version__

__all__ = ["__version__"]

register_config_packages()
