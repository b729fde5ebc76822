"""Registry nodes of the scope ``mmselfhuman``, children of MMEngine's.

A config with ``default_scope = 'mmselfhuman'`` needs no ``custom_imports``: each node knows the module that fills it. A
config of another scope names a component ``mmselfhuman.X``.

Nodes that this package does not fill exist because MMEngine warns, for every optimiser, loop or sampler that it builds,
when the default scope has no node for it; they hand the request on to MMEngine's own.
"""

from mmengine import registry as mmengine

from mmselfhuman.ecosystem import is_available


def _child(parent: mmengine.Registry, location: str) -> mmengine.Registry:
    return mmengine.Registry(parent.name, parent=parent, scope="mmselfhuman", locations=[f"mmselfhuman.{location}"])


MODELS = _child(mmengine.MODELS, "models.registered")
MODEL_WRAPPERS = _child(mmengine.MODEL_WRAPPERS, "models.registered")
WEIGHT_INITIALIZERS = _child(mmengine.WEIGHT_INITIALIZERS, "models.registered")
TASK_UTILS = _child(mmengine.TASK_UTILS, "models.registered")

DATASETS = _child(mmengine.DATASETS, "datasets")
DATA_SAMPLERS = _child(mmengine.DATA_SAMPLERS, "datasets")
TRANSFORMS = _child(mmengine.TRANSFORMS, "datasets.transforms")

METRICS = _child(mmengine.METRICS, "evaluation")
EVALUATOR = _child(mmengine.EVALUATOR, "evaluation")

RUNNERS = _child(mmengine.RUNNERS, "engine")
RUNNER_CONSTRUCTORS = _child(mmengine.RUNNER_CONSTRUCTORS, "engine")
LOOPS = _child(mmengine.LOOPS, "engine")
HOOKS = _child(mmengine.HOOKS, "engine")
OPTIMIZERS = _child(mmengine.OPTIMIZERS, "engine")
OPTIM_WRAPPERS = _child(mmengine.OPTIM_WRAPPERS, "engine")
OPTIM_WRAPPER_CONSTRUCTORS = _child(mmengine.OPTIM_WRAPPER_CONSTRUCTORS, "engine")
PARAM_SCHEDULERS = _child(mmengine.PARAM_SCHEDULERS, "engine")
LOG_PROCESSORS = _child(mmengine.LOG_PROCESSORS, "engine")
STRATEGIES = _child(mmengine.STRATEGIES, "engine")
FUNCTIONS = _child(mmengine.FUNCTIONS, "engine")

VISUALIZERS = _child(mmengine.VISUALIZERS, "visualization")
VISBACKENDS = _child(mmengine.VISBACKENDS, "visualization")
INFERENCERS = _child(mmengine.INFERENCERS, "apis")

if is_available("mmpose"):
    import mmpose.registry as mmpose

    KEYPOINT_CODECS = _child(mmpose.KEYPOINT_CODECS, "models.registered")
