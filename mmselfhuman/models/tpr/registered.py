"""TPR and its parts by name, for configs."""

from typing import Any

from mmselfhuman.models.tpr.flow_refinement import FlowRefinement
from mmselfhuman.models.tpr.refiner import TemporalParsingRefiner
from mmselfhuman.models.tpr.reliability import FrameReliability
from mmselfhuman.models.tpr.trust import FlowTrust
from mmselfhuman.registry import MODELS

for part in (FlowRefinement, FlowTrust, FrameReliability):
    MODELS.register_module(module=part)


@MODELS.register_module(name="TemporalParsingRefiner")
def build_refiner(flow: Any = None, **settings: Any) -> TemporalParsingRefiner:
    """A :class:`TemporalParsingRefiner` from a config.

    Args:
        flow: The config of a flow estimator, or one; :class:`~mmselfhuman.models.flow.DISFlow` if ``None``.
        settings: As of the class; ``trust``, ``search`` and ``reliability`` may be configs as well.
    """
    flow = {"type": "mmselfhuman.DISFlow"} if flow is None else flow
    built = {name: MODELS.build(value) if isinstance(value, dict) else value for name, value in settings.items()}
    return TemporalParsingRefiner(MODELS.build(flow) if isinstance(flow, dict) else flow, **built)
