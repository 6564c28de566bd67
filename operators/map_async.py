"""map_async: awaits a function for every item, several at once.

map_async(fetch, limit=2)
in    a  b  c  d
out   A  B  C  D      no more than two are being fetched
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from itertools import takewhile
from typing import Any, TypeVar, cast

from streamkit.flow import Batches, Stage, check_function, failure_of, needs_a_loop, stop_all

__all__ = ["map_async"]

InT = TypeVar("InT")
OutT = TypeVar("OutT")

_ANOTHER = "and another failed, too: {!r}"


def map_async(fn: Callable[[InT], Awaitable[OutT]], *, limit: int = 8, ordered: bool = True) -> Stage[InT, OutT]:
    """Hand on what `fn` returns for each item.

    What is ready at once is handed on as one batch. When `fn` or the source raises, what came before is handed on,
    and then it is raised; calls that are still running are cancelled if `fn` raised. It waits, so it needs `async for`.

    Args:
        fn: called with each item, and awaited.
        limit: how many calls may run, or have results that nobody took; the source waits beyond that.
        ordered: results come in the order of their items; otherwise as they are ready.

    Raises:
        TypeError: `fn` is no function; or (when the flow runs) it returns nothing that can be awaited.
        ValueError: `limit` is less than 1.
    """
    check_function(fn, "map_async()")
    if limit < 1:
        raise ValueError(f"map_async(limit={limit}): at least one call has to run")
    name = f"map_async({getattr(fn, '__name__', 'fn')})"

    def pump(batches: Batches) -> Batches:
        return _mapped(batches, _Calls(cast("Callable[[Any], Awaitable[object]]", fn), limit, name), ordered=ordered)

    return Stage(needs_a_loop(name), name, emits_changes=False, pump=pump)


class _Calls:
    """The calls that run or wait to be taken, in the order of their items."""

    def __init__(self, fn: Callable[[Any], Awaitable[object]], limit: int, name: str) -> None:
        self._fn, self._name, self._slots = fn, name, asyncio.Semaphore(limit)
        self.tasks: dict[asyncio.Task[object], None] = {}
        self.news = asyncio.Event()

    async def start(self, batches: Batches) -> None:
        """Start a call for each item, as there is room."""
        try:
            async with aclosing(batches):
                async for batch in batches:
                    for item in batch:
                        await self._slots.acquire()
                        self._start_one(item)
        except asyncio.CancelledError as cancelled:
            raise failure_of(cancelled, f"what {self._name} reads") from cancelled
        finally:
            self.news.set()

    def take(self, *, ordered: bool) -> Sequence[asyncio.Task[object]]:
        """Take those that are done."""
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

    def _start_one(self, item: object) -> None:
        task = asyncio.get_running_loop().create_task(self._call(item), name=f"streamkit {self._name}")
        task.add_done_callback(lambda _: self.news.set())
        self.tasks[task] = None

    async def _call(self, item: object) -> object:
        try:
            return await self._awaited(item)
        except Exception as error:
            error.add_note(f"raised in stage {self._name}, for {item!r:.80}")
            raise

    async def _awaited(self, item: object) -> object:
        try:
            called: object = self._fn(item)
            if not inspect.isawaitable(called):
                raise TypeError(f"map_async() awaits what its function returns, got {called!r:.80}: make it async")
            return await called
        except asyncio.CancelledError as cancelled:
            raise failure_of(cancelled, "a call") from cancelled


async def _mapped(batches: Batches, calls: _Calls, *, ordered: bool) -> Batches:
    starting = asyncio.get_running_loop().create_task(calls.start(batches), name="streamkit map_async")
    failed: BaseException | None = None
    try:
        while failed is None and not (starting.done() and not calls.tasks):
            await calls.news.wait()
            calls.news.clear()
            out, failed = _results(calls.take(ordered=ordered))
            if out:
                yield out
        if failed is not None:
            raise failed
        starting.result()
    finally:
        await _end([starting, *calls.tasks], failed)


def _results(tasks: Sequence[asyncio.Task[object]]) -> tuple[Sequence[object], BaseException | None]:
    """What calls returned until one failed, and its error; of those after it, errors alone are told, as its notes."""
    good = list(takewhile(lambda task: task.exception() is None, tasks))
    failed = [error for task in tasks if (error := task.exception()) is not None]
    for other in failed[1:]:
        failed[0].add_note(_ANOTHER.format(other))
    return [task.result() for task in good], failed[0] if failed else None


async def _end(tasks: Sequence[asyncio.Task[Any]], failed: BaseException | None) -> None:
    """Stop what still runs; what else fails is a note on what failed first."""
    await stop_all(tasks)
    others = [task.exception() for task in tasks if not task.cancelled()]
    for other in others:
        if failed is not None and other is not None and other is not failed:
            failed.add_note(_ANOTHER.format(other))
