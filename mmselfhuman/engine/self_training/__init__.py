"""The outer loop: Algorithm 1 as stages that happen entirely or not at all."""

from mmselfhuman.engine.self_training.guards import Guard, RoundFacts, Verdict, judge
from mmselfhuman.engine.self_training.ledger import Ledger, LedgerError, Result
from mmselfhuman.engine.self_training.loop import Outcome, SelfTraining, StageFailedError
from mmselfhuman.engine.self_training.plan import Plan, export_stage, make_plan
from mmselfhuman.engine.self_training.settings import LoopSettings, load_settings
from mmselfhuman.engine.self_training.stages import Stage

__all__ = [
    "Guard",
    "Ledger",
    "LedgerError",
    "LoopSettings",
    "Outcome",
    "Plan",
    "Result",
    "RoundFacts",
    "SelfTraining",
    "Stage",
    "StageFailedError",
    "Verdict",
    "export_stage",
    "judge",
    "load_settings",
    "make_plan",
]
