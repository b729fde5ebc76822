"""Sources from configs."""

from collections.abc import Mapping

from mmselfhuman.registry import DATASETS
from mmselfhuman.structures import PersonSource


def build_source(source: Mapping | PersonSource) -> PersonSource:
    """Build a source of labelled persons from its config; a source that is already built is returned as it is.

    ``type`` is looked up in the scope ``mmselfhuman`` first, whatever ``default_scope`` the surrounding config has.

    Raises:
        KeyError: ``type`` names nothing registered.
    """
    if not isinstance(source, Mapping):
        return source
    return DATASETS.build({"_scope_": "mmselfhuman", **source})
