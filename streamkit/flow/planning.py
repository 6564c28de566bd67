"""How a row of stages runs: each may replace the ones before it, and stages that wait split the row.

accumulate | validate | diff | coalesce | tap
planned:      one stage that reads text, coalesce, tap
run:          source -> [ that stage ] -> coalesce's pump -> [ tap ]
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from streamkit.flow.batch_source import has_batches
from streamkit.flow.fused import Part
from streamkit.flow.run import Batches, Pump, run_async, run_batches

__all__ = ["plan_stages", "run_stages"]


class _Stage(Part, Protocol):
    @property
    def plan(self) -> Callable[[Sequence[Any], Any], Sequence[Any]] | None: ...

    @property
    def pump(self) -> Pump | None: ...


StageT = TypeVar("StageT", bound=_Stage)


def plan_stages(stages: Sequence[StageT], *, after: Sequence[StageT] = ()) -> Sequence[StageT]:
    """Return the stages to run: each may check, or replace, the ones before it.

    Args:
        stages: as they were written.
        after: what the first of them sees before it; not part of the plan.
    """
    planned = after
    for stage in stages:
        planned = stage.plan(planned, stage) if stage.plan is not None else (*planned, stage)
    return planned[len(after) :]


def run_stages(
    source: AsyncIterable[object] | Iterable[object], stages: Sequence[_Stage], *, of_changes: bool
) -> Batches:
    """Run planned stages over a source, in async code.

    Args:
        source: the source; its own batches are kept if it has them.
        stages: the stages, as planned.
        of_changes: whether the source is known to yield changes.
    """
    first, others = _split(stages, of_changes=of_changes)
    if has_batches(source):
        batches = run_batches(source.open_batches(), first, of_changes=of_changes)
    else:
        batches = run_async(source, first, of_changes=of_changes)
    for segment in others:
        batches = run_batches(segment.pump(batches), segment.stages, of_changes=segment.of_changes)
    return batches


@dataclass
class _Segment:
    """A stage that waits, and the stages after it that run as one."""

    pump: Pump
    of_changes: bool
    stages: list[_Stage] = field(default_factory=list["_Stage"])


def _split(stages: Sequence[_Stage], *, of_changes: bool) -> tuple[list[_Stage], list[_Segment]]:
    """Split stages at those that wait: the ones before the first, and a segment for each."""
    first: list[_Stage] = []
    others: list[_Segment] = []
    for stage in stages:
        if stage.emits_changes is not None:
            of_changes = stage.emits_changes
        if stage.pump is not None:
            others.append(_Segment(stage.pump, of_changes))
        else:
            (others[-1].stages if others else first).append(stage)
    return first, others
