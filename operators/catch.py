"""catch: something else in place of an error.

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
from streamkit.flow import Batches, Through, batched, check_function, check_kinds, needs_a_loop

__all__ = ["catch"]

_Instead: TypeAlias = AsyncIterable[Any] | Iterable[Any] | None


def catch(
    handler: Callable[[Exception], _Instead | Awaitable[_Instead]],
    *kinds: type[Exception],
) -> Through:
    """When what comes before raises, go on with what `handler(error)` returns.

    That is an iterable or async iterable of items, another flow for example; or None: then the stream just ends. In a
    stream of changes the `end` that tells of the error is left out if something follows; a `reset` comes in its place,
    if anything was told, so that the changes that follow are a new attempt. It may wait, so it needs `async for`.

    Args:
        handler: a function, or a coroutine function. What it raises comes out, with a note of the error.
        kinds: which errors; by default every `Exception`.

    Raises:
        TypeError: `handler` is no function, or one of `kinds` is no class of exceptions.
    """
    check_function(handler, "catch()")
    check_kinds(kinds, "catch()")
    name = f"catch({getattr(handler, '__name__', 'handler')})"
    caught = kinds or (Exception,)

    def pump(batches: Batches) -> Batches:
        return _caught(batches, handler, caught)

    return Through(needs_a_loop(name), name, pump=pump)


async def _caught(batches: Batches, handler: Callable[[Exception], Any], kinds: tuple[type[Exception], ...]) -> Batches:
    held: Change | None = None
    told = False
    async with aclosing(batches):
        try:
            async for batch in batches:
                rest, held = hold_failure(batch, kinds)
                told = told or any(isinstance(item, Change) for item in rest)
                if rest:
                    yield rest
        except kinds as raised:
            error = raised
        else:
            if held is not None:  # it only tells of an error, of another time perhaps: nothing raised
                yield (held,)
            return
    instead = await _handled(handler, error)
    async with batched(cast("Iterable[object]", () if instead is None else instead)) as others:
        async for batch in others:
            if told:
                yield (Change("reset", (), str(error)),)
            told, held = False, None
            yield batch
    if held is not None:
        yield (held,)


async def _handled(handler: Callable[[Exception], Any], error: Exception) -> Any:
    try:
        instead = handler(error)
        return await instead if inspect.isawaitable(instead) else instead
    except Exception as another:
        another.add_note(f"raised by the handler of {error!r}")
        raise
