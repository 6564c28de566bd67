"""map_async: await a function for every item, several calls at once.

map_async(fetch, limit=2)
in    a  b  c  d
out   A  B  C  D      at most two calls run at once
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from itertools import takewhile
from typing import Any, TypeVar, cast

from streamkit.flow import Batches, Stage, check_function, failure_of, needs_a_loop, refuse_if_cancelled, stop_all

__all__ = ["map_async"]

InT = TypeVar("InT")
OutT = TypeVar("OutT")

_ANOTHER = "and another call failed: {!r}"


def map_async(fn: Callable[[InT], Awaitable[OutT]], *, limit: int = 8, ordered: bool = True) -> Stage[InT, OutT]:
    """Emit what `fn` returns for each item.

    Results that are ready at the same time are emitted as one batch. When `fn` or the source raises, the results before
    are emitted, then the error is raised. If `fn` raised, calls that are still running are cancelled. It waits, so it
    needs `async for`.

    Args:
        fn: called with each item, and awaited.
        limit: how many calls may be running or have results not yet emitted; the source waits beyond that.
        ordered: emit results in the order of their items; otherwise as they become ready.

    Raises:
        TypeError: `fn` is not a function; or (when the flow runs) it does not return an awaitable.
        ValueError: `limit` is less than 1.
    """
    check_function(fn, "map_async()")
    if limit < 1:
        raise ValueError(f"map_async() got limit={limit}: allow at least one call")
    name = f"map_async({getattr(fn, '__name__', 'fn')})"

    def pump(batches: Batches) -> Batches:
        return _map(batches, _Calls(cast("Callable[[Any], Awaitable[object]]", fn), limit, name), ordered=ordered)

    return Stage(needs_a_loop(name), name, emits_changes=False, pump=pump)


class _Calls:
    """The calls that are running or whose results were not taken yet, in the order of their items."""

    def __init__(self, fn: Callable[[Any], Awaitable[object]], limit: int, name: str) -> None:
        self._fn, self._name, self._slots = fn, name, asyncio.Semaphore(limit)
        self.tasks: dict[asyncio.Task[object], None] = {}
        self.changed = asyncio.Event()

    async def start_all(self, batches: Batches) -> None:
        """Start a call for each item, as slots become free."""
        task = asyncio.current_task()
        try:
            async with aclosing(batches):
                async for batch in batches:
                    refuse_if_cancelled(task, batch)
                    for item in batch:
                        await self._slots.acquire()
                        self._start(item)
        except asyncio.CancelledError as cancelled:
            raise failure_of(cancelled, f"the input of {self._name}") from cancelled
        finally:
            self.changed.set()

    def take_done(self, *, ordered: bool) -> Sequence[asyncio.Task[object]]:
        """Remove and return the calls that are done."""
        taken: list[asyncio.Task[object]] = []
        for task in self.tasks:
            if task.done():
                taken.append(task)
            elif ordered:
                break
        for task in taken:
            del self.tasks[task]
            self._slots.release()
        return taken

    def _start(self, item: object) -> None:
        task = asyncio.get_running_loop().create_task(self._call(item), name=f"streamkit {self._name}")
        task.add_done_callback(lambda _: self.changed.set())
        self.tasks[task] = None

    async def _call(self, item: object) -> object:
        try:
            return await self._result(item)
        except Exception as error:
            error.add_note(f"raised in stage {self._name}, for {item!r:.80}")
            raise

    async def _result(self, item: object) -> object:
        try:
            called: object = self._fn(item)
            if not inspect.isawaitable(called):
                raise TypeError(f"map_async() awaits what its function returns, got {called!r:.80}: make it async")
            return await called
        except asyncio.CancelledError as cancelled:
            raise failure_of(cancelled, "a call") from cancelled


async def _map(batches: Batches, calls: _Calls, *, ordered: bool) -> Batches:
    starting = asyncio.get_running_loop().create_task(calls.start_all(batches), name="streamkit map_async")
    failed: BaseException | None = None
    try:
        while failed is None and not (starting.done() and not calls.tasks):
            await calls.changed.wait()
            calls.changed.clear()
            out, failed = _results(calls.take_done(ordered=ordered))
            if out:
                yield out
        if failed is not None:
            raise failed
        starting.result()
    finally:
        await _stop([starting, *calls.tasks], failed)


def _results(tasks: Sequence[asyncio.Task[object]]) -> tuple[Sequence[object], BaseException | None]:
    """Return the results before the first call that failed, and its error; later errors become notes on it."""
    succeeded = list(takewhile(lambda task: task.exception() is None, tasks))
    errors = [error for task in tasks if (error := task.exception()) is not None]
    for other in errors[1:]:
        errors[0].add_note(_ANOTHER.format(other))
    return [task.result() for task in succeeded], errors[0] if errors else None


async def _stop(tasks: Sequence[asyncio.Task[Any]], failed: BaseException | None) -> None:
    """Stop the tasks that still run; their errors become notes on the first one."""
    await stop_all(tasks)
    others = [task.exception() for task in tasks if not task.cancelled()]
    for other in others:
        if failed is not None and other is not None and other is not failed:
            failed.add_note(_ANOTHER.format(other))
