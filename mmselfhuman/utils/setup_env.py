"""What scripts that build components without a Runner need first."""

from importlib import import_module

_FILLED_BY = ("models.registered", "datasets", "datasets.transforms", "evaluation", "engine", "visualization", "apis")


def register_all_modules(init_default_scope: bool = True) -> None:
    """Import every module that registers components.

    Registries import what they need when a config first names it, so that this is only needed to list or to look up
    components by hand.

    Args:
        init_default_scope: Also make ``mmselfhuman`` the scope in which names without a prefix are looked up.
    """
    for name in _FILLED_BY:
        import_module(f"mmselfhuman.{name}")
    if init_default_scope:
        from mmengine.registry import init_default_scope as use_scope

        use_scope("mmselfhuman")
