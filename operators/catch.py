"""catch: continue with other items when an error is raised.

catch(lambda error: ["?"])
in    a--b--#
out   a--b--(?|)
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any, TypeAlias, cast

from streamkit.changes.change import Change
from streamkit.changes.endings import hold_failure
from streamkit.flow import Batches, Through, batched, cancellations, check_function, check_kinds, needs_a_loop

__all__ = ["catch"]

Replacement: TypeAlias = AsyncIterable[Any] | Iterable[Any] | None


def catch(
    handler: Callable[[Exception], Replacement | Awaitable[Replacement]],
    *kinds: type[Exception],
) -> Through:
    """When an earlier stage or the source raises, continue with what `handler(error)` returns.

    The handler returns an iterable or async iterable of items, such as another flow; or None: then the stream just
    ends. In a stream of changes, the `end` that reports the error is dropped if other items follow. If changes were
    emitted before, a `reset` takes its place, so that the changes that follow are a new attempt. It may wait, so it
    needs `async for`.

    Args:
        handler: a function or coroutine function. If it raises, that error is raised, with a note of the first one.
        kinds: which errors to catch; by default every `Exception`.

    Raises:
        TypeError: `handler` is not a function, or one of `kinds` is not an exception class.
    """
    check_function(handler, "catch()")
    check_kinds(kinds, "catch()")
    name = f"catch({getattr(handler, '__name__', 'handler')})"
    caught = kinds or (Exception,)

    def pump(batches: Batches) -> Batches:
        return _catch(batches, handler, caught)

    return Through(needs_a_loop(name), name, pump=pump)


async def _catch(batches: Batches, handler: Callable[[Exception], Any], kinds: tuple[type[Exception], ...]) -> Batches:
    failed_end: Change | None = None
    emitted = False
    cancelled_before = cancellations()
    async with aclosing(batches):
        try:
            async for batch in batches:
                rest, failed_end = hold_failure(batch, kinds)
                emitted = emitted or any(isinstance(item, Change) for item in rest)
                if rest:
                    yield rest
        except kinds as raised:
            if cancellations() > cancelled_before:
                raise
            error = raised
        else:
            if failed_end is not None:  # it only reports an error, perhaps of an earlier run: nothing was raised
                yield (failed_end,)
            return
    replacement = await _call(handler, error)
    async with batched(cast("Iterable[object]", () if replacement is None else replacement)) as others:
        async for batch in others:
            if emitted:
                yield (Change("reset", (), str(error)),)
            emitted, failed_end = False, None
            yield batch
    if failed_end is not None:
        yield (failed_end,)


async def _call(handler: Callable[[Exception], Any], error: Exception) -> Any:
    try:
        replacement = handler(error)
        return await replacement if inspect.isawaitable(replacement) else replacement
    except Exception as another:
        another.add_note(f"raised by the handler of {error!r}")
        raise
