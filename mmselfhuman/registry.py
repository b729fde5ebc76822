"""Registry nodes of the scope ``mmselfhuman``, children of MMEngine's.

A config with ``default_scope = 'mmselfhuman'`` needs no ``custom_imports``: each node knows the module that fills it. A
config of another scope names a component ``mmselfhuman.X``.
"""

from mmengine import registry as mmengine


def _child(parent: mmengine.Registry, *locations: str) -> mmengine.Registry:
    return mmengine.Registry(
        parent.name, parent=parent, scope="mmselfhuman", locations=[f"mmselfhuman.{name}" for name in locations]
    )


MODELS = _child(mmengine.MODELS, "models")
DATASETS = _child(mmengine.DATASETS, "datasets")
TRANSFORMS = _child(mmengine.TRANSFORMS, "datasets.transforms")
METRICS = _child(mmengine.METRICS, "evaluation")
HOOKS = _child(mmengine.HOOKS, "engine")
VISUALIZERS = _child(mmengine.VISUALIZERS, "visualization")
