"""Streams: composing with `|`, and running what was composed.

flow            `Pipeline`, `Stage`, `Flow`: what `|` builds
planning        which stages run, and where stages that wait split them
fused           the machines of consecutive stages, run as one
run             the run loop: source, machines, consumer
machine         the protocol of an operator's state machine
open_paths      which paths are open, for the `end` of a stream whose stage fails
result          the result of a flow
scopes          which run belongs to which `with` block
batch_source    sources that have batches of their own
source_batches  `batched`: any source as a flow of batches
read_ahead      `Reading`: for operators that wait
tasks           stopping tasks; which event loop runs
cleanup         whether a cancelled task is ending, or has swallowed the cancellation
deadline        `Deadline`: limits how long an operator waits
arguments       checks of what operators are given
misuse          hints for error messages
"""

from streamkit.flow.arguments import check_function, check_kinds, check_seconds, refuse_coroutine
from streamkit.flow.batch_source import BatchSource
from streamkit.flow.deadline import Deadline
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
)
from streamkit.flow.fused import Fused
from streamkit.flow.machine import Machine, Reason
from streamkit.flow.read_ahead import Reading, needs_a_loop
from streamkit.flow.run import Batches, Pump
from streamkit.flow.source_batches import batched
from streamkit.flow.tasks import cancellations, failure_of, refuse_if_cancelled, require_asyncio, stop, stop_all

__all__ = [
    "AnyStage",
    "BatchSource",
    "Batches",
    "Deadline",
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
    "cancellations",
    "check_function",
    "check_kinds",
    "check_seconds",
    "failure_of",
    "needs_a_loop",
    "refuse_coroutine",
    "refuse_if_cancelled",
    "require_asyncio",
    "stop",
    "stop_all",
]
