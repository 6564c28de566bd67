"""Streams: composition with `|`, and running what was composed. See `flow`, `fused` and `run`."""

from streamkit.flow.batch_source import BatchSource
from streamkit.flow.flow import (
    AnyStage,
    Flow,
    Pipeline,
    Planner,
    Source,
    Stage,
    Through,
    ToChanges,
    ToRoot,
    batched,
)
from streamkit.flow.fused import Fused
from streamkit.flow.machine import Machine, Reason
from streamkit.flow.run import Batches, Pump
from streamkit.flow.tasks import failure_of, stop, stop_all
from streamkit.flow.waiting import Reading, check_function, check_kinds, check_seconds, needs_a_loop, refuse_coroutine

__all__ = [
    "AnyStage",
    "BatchSource",
    "Batches",
    "Flow",
    "Fused",
    "Machine",
    "Pipeline",
    "Planner",
    "Pump",
    "Reading",
    "Reason",
    "Source",
    "Stage",
    "Through",
    "ToChanges",
    "ToRoot",
    "batched",
    "check_function",
    "check_kinds",
    "check_seconds",
    "failure_of",
    "needs_a_loop",
    "refuse_coroutine",
    "stop",
    "stop_all",
]
