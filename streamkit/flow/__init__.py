"""Streams: composition with `|`, and running what was composed. See `flow`, `fused` and `run`."""

from streamkit.flow.flow import AnyStage, Flow, Pipeline, Planner, Source, Stage, Through, ToChanges, ToRoot
from streamkit.flow.fused import Fused
from streamkit.flow.machine import Machine, Reason
from streamkit.flow.run import Batches, Pump

__all__ = [
    "AnyStage",
    "Batches",
    "Flow",
    "Fused",
    "Machine",
    "Pipeline",
    "Planner",
    "Pump",
    "Reason",
    "Source",
    "Stage",
    "Through",
    "ToChanges",
    "ToRoot",
]
