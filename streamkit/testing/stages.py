"""What every stage must keep, as a suite to run against yours: `verify_stage`.

    def test_my_stage() -> None:
        verify_stage(my_stage(), ["a", "b", "c"])

The rules are those of Reactive Streams that make sense for async iterators, and streamkit's own laws of
cleanup. They run in virtual time, over probes that note what is done to them.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from streamkit.changes.change import Change
from streamkit.errors import StreamkitError
from streamkit.flow import Pipeline
from streamkit.testing.probe import Probe
from streamkit.testing.rules import PATIENCE, ConsumerError, expect, nothing_left, run_rules, worded

__all__ = ["verify_stage"]

_MOST = 12  # how many places to leave at: the first ones tell


def verify_stage(stage: Pipeline[Any, Any], items: Sequence[object], *, handles_errors: bool = False) -> None:
    """Run the suite against a stage or a pipeline, in an event loop of its own.

    Args:
        stage: what is to be verified.
        items: what its source gives: a few items that it makes something of.
        handles_errors: it may keep an error of its source from the consumer.

    Raises:
        TypeError: `stage` is none.
        AssertionError: a rule is broken; a note names it.
    """
    if not isinstance(stage, Pipeline):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise TypeError(f"verify_stage() takes a stage, got {stage!r:.80}: call what makes it")
    case = _Case(stage, items, handles_errors)
    run_rules(_RULES, case, stage)


@dataclass
class _Case:
    stage: Pipeline[Any, Any]
    items: Sequence[object]
    handles_errors: bool

    @property
    def waits(self) -> bool:
        return any(stage.pump is not None for stage in self.stage.stages)


_Rule: TypeAlias = Callable[[_Case], Coroutine[Any, Any, None]]
_Outcome: TypeAlias = tuple[list[object], Exception | None]


async def _outcome(flow: Any, *, leave_after: int | None = None, fail_after: int | None = None) -> _Outcome:
    """What a flow gives and raises, left after so many items or failed in by its consumer."""
    seen: list[object] = []
    try:
        async with asyncio.timeout(PATIENCE), flow as running:
            async for item in running:
                seen.append(item)
                if len(seen) == leave_after:
                    break
                if len(seen) == fail_after:
                    raise ConsumerError
    except Exception as error:  # noqa: BLE001  # looked at by the rules
        return seen, error
    return seen, None


def _comparable(outcome: _Outcome) -> object:
    items, error = outcome
    return [worded(item) for item in items], repr(error)


async def _raised(case: _Case, items: Sequence[object], then: Literal["end"] | Exception = "end") -> Exception | None:
    return (await _outcome(Probe(items, then) | case.stage))[1]


async def _items_are_taken(case: _Case) -> None:
    """The stage takes the items that it is given; at most the last ends the stream with an error of its own."""
    for items, may_raise in ((case.items[:-1], ()), (case.items, StreamkitError)):
        error = await _raised(case, items)
        if error is None or isinstance(error, may_raise):
            continue
        lost = ConnectionError("lost")
        # An error that the items cause is raised however their source ends, and not without them.
        however = repr(await _raised(case, items, lost)) == repr(error)
        if however and await _raised(case, (), lost) is lost:
            raise AssertionError(
                f"the stage refuses items that verify_stage() was given, with {error!r}: give it items that it takes"
            ) from error


async def _runs_share_nothing(case: _Case) -> None:
    """Every run is a fresh one: alone, again, or beside another, it gives the same."""
    alone = _comparable(await _outcome(Probe(case.items) | case.stage))
    again = _comparable(await _outcome(Probe(case.items) | case.stage))
    expect(alone == again, f"the second run gave {again}, the first {alone}")
    flow = Probe(case.items) | case.stage
    for beside in await asyncio.gather(_outcome(flow), _outcome(flow), _outcome(flow)):
        expect(_comparable(beside) == alone, f"a run beside others gave {_comparable(beside)}, alone {alone}")


async def _both_worlds_agree(case: _Case) -> None:
    """A plain `for` gives what `async for` gives (a stage that waits is excused)."""
    if case.waits:
        return
    plain: list[object] = []
    error: Exception | None = None
    try:
        with list(case.items) | case.stage as running:
            for item in running:
                plain += [item]
    except Exception as raised:  # noqa: BLE001  # compared
        error = raised
    awaited = _comparable(await _outcome(Probe(case.items) | case.stage))
    expect(_comparable((plain, error)) == awaited, f"'for' gave {plain} and {error!r}, 'async for' {awaited}")


async def _the_end_is_last(case: _Case) -> None:
    """After the terminal event comes nothing."""
    for then in ("end", RuntimeError("lost")):
        seen, _ = await _outcome(Probe(case.items, cast("Any", then)) | case.stage)
        ends = [at for at, item in enumerate(seen) if isinstance(item, Change) and item.op == "end"]
        expect(ends in ([], [len(seen) - 1]), f"the end came at {ends} of {len(seen)} items")


async def _exhausting_closes(case: _Case) -> None:
    """A run that is exhausted has closed its source once, and left no task."""
    probe = Probe(case.items, delay=0.25, closing=1.0)
    await _outcome(probe | case.stage)
    probe.check()
    nothing_left()


async def _leaving_closes(case: _Case) -> None:
    """A run that is left has closed its source once, wherever it was left, and left no task."""
    for count in range(1, _MOST):
        probe = Probe(case.items, delay=0.25, closing=1.0)
        await _outcome(probe | case.stage, leave_after=count)
        probe.check()
        nothing_left()


async def _consumers_keep_their_errors(case: _Case) -> None:
    """What the consumer raises comes out as it is, and is never thrown into the source."""
    for count in range(1, _MOST):
        probe = Probe(case.items, closing=1.0)
        seen, error = await _outcome(probe | case.stage, fail_after=count)
        probe.check()
        nothing_left()
        if len(seen) == count:
            expect(isinstance(error, ConsumerError), f"the consumer raised, and {error!r} came out")


async def _failing_sources_are_told(case: _Case) -> None:
    """An error of the source comes out, the very object, after what came before it."""
    lost = ConnectionError("lost")
    probe = Probe(case.items[:-1], lost, closing=1.0)
    _, error = await _outcome(probe | case.stage)
    probe.check()
    nothing_left()
    expect(case.handles_errors or error is lost, f"the source raised {lost!r}, the flow {error!r}")


async def _both_errors_are_told(case: _Case) -> None:
    """When the source fails and then fails to close, the first error has the second in its notes."""
    lost = ConnectionError("lost")
    probe = Probe(case.items[:-1], lost, fails_to_close=OSError("cannot close"))
    _, error = await _outcome(probe | case.stage)
    nothing_left()
    if not case.handles_errors:
        expect(error is lost, f"the source raised {lost!r}, the flow {error!r}")
        notes = getattr(error, "__notes__", [])
        expect(any("cannot close" in note for note in notes), f"no note tells of the second error: {notes}")


async def _cancelling_is_prompt(case: _Case) -> None:
    """Cancelling takes no time of its own and no second try; the source is closed when it is over."""
    for items in (case.items, ()):
        for turns in (0, 1, 2, 5, 50):
            probe = Probe(items, "wait")
            task = asyncio.create_task(_outcome(probe | case.stage))
            for _ in range(turns):
                await asyncio.sleep(0)
            before = asyncio.get_running_loop().time()
            task.cancel()
            await asyncio.wait([task])
            after = asyncio.get_running_loop().time()
            expect(after == before, f"cancelling took {after - before:g} s")
            expect(task.cancelled() or turns, "a cancelled run went on")
            if probe.runs:
                probe.check()
            nothing_left()


async def _nothing_is_kept(case: _Case) -> None:
    """When a run is over, the stage keeps no reference to it or to its source."""
    for leave_after in (None, 1):
        probe = Probe(case.items)
        kept = weakref.ref(probe)
        flow = probe | case.stage
        await _outcome(flow, leave_after=leave_after)
        del probe, flow
        await asyncio.sleep(0)
        gc.collect()
        expect(kept() is None, "the source of a run that is over is still referred to")


_RULES: tuple[_Rule, ...] = (
    _items_are_taken,
    _runs_share_nothing,
    _both_worlds_agree,
    _the_end_is_last,
    _exhausting_closes,
    _leaving_closes,
    _consumers_keep_their_errors,
    _failing_sources_are_told,
    _both_errors_are_told,
    _cancelling_is_prompt,
    _nothing_is_kept,
)
