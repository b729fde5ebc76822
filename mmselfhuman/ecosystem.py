"""Where this package meets the OpenMMLab distributions that happen to be installed."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec


def register_config_packages() -> None:
    """Let ``_base_ = 'mmselfhuman::...'`` and, under the OneDL forks, ``'mmseg::...'`` be resolved.

    MMEngine looks up the distribution behind ``package::config`` in a fixed table. The table lacks this package, and it
    names ``mmsegmentation``, which the maintained fork distributes as ``onedl-mmsegmentation``. MMEngine also accepts
    the name of an importable module where it expects a distribution, and that is the same for upstream and fork.
    """
    from mmengine.config.utils import MODULE2PACKAGE

    for module, distribution in list(MODULE2PACKAGE.items()):
        if module != distribution and not _is_distribution(distribution):
            MODULE2PACKAGE[module] = module
    # A module of ours, not our distribution: for that, upstream MMEngine looks for the package beside the metadata,
    # where an editable install does not have it.
    MODULE2PACKAGE["mmselfhuman"] = "mmselfhuman.version"


def is_available(package: str) -> bool:
    """Whether an optional package is installed; it is not imported."""
    return find_spec(package) is not None


def _is_distribution(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
