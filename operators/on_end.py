"""on_end: calls a function when a run is over, however it ended (Kotlin's onCompletion).

in    a--b--#
out   a--b--#      and  fn(error)
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, cast

import anyio

from streamkit.changes.change import Change, End
from streamkit.flow import Batches, Reason, Through, check_function, needs_a_loop, refuse_coroutine

__all__ = ["on_end"]


def on_end(fn: Callable[[BaseException | None], Awaitable[object] | object]) -> Through:
    """Call `fn` once for each run, when it is over; items pass as they are.

    It is given what ended the run: None if all went well; the error that is raised, or that the `end` tells of (for a
    text that was cut, say); `GeneratorExit` for a consumer that left or was cancelled. What it raises comes out, or is
    a note on what came first.

    Args:
        fn: a function; or a coroutine function, which needs `async for`. A plain function that returns a coroutine (a
            lambda around one, say) is an error when the run is over.

    Raises:
        TypeError: `fn` is no function.
    """
    check_function(fn, "on_end()")
    name = f"on_end({getattr(fn, '__name__', 'fn')})"
    if not inspect.iscoroutinefunction(fn):
        return Through(lambda: _OnEnd(fn), name)

    def pump(batches: Batches) -> Batches:
        return _told(batches, cast("Callable[[BaseException | None], Awaitable[object]]", fn))

    return Through(needs_a_loop(name), name, pump=pump)


class _OnEnd:
    def __init__(self, fn: Callable[[BaseException | None], object]) -> None:
        self._fn = fn
        self._end: End | None = None

    def feed(self, item: Any, /) -> Sequence[Any]:
        self._end = _end_of(item) or self._end
        return (item,)

    def close(self, reason: Reason, /) -> Sequence[Any]:
        end = self._end
        why = reason if isinstance(reason, BaseException) else end.error if end is not None else None
        try:
            refuse_coroutine(self._fn(why), "on_end()")
        except Exception as error:
            # What an `end` tells of is raised where that is `failed`.
            comes = isinstance(reason, Exception) or (end is not None and end.status == "failed")
            if why is None or not comes:
                raise
            why.add_note(_also(error))
        return ()


async def _told(batches: Batches, fn: Callable[[BaseException | None], Awaitable[object]]) -> Batches:
    why: BaseException | None = None
    first: Exception | None = None
    try:
        async with aclosing(batches):
            async for batch in batches:
                end = _end_of(batch[-1])
                why = end.error if end is not None else None
                yield batch
    except BaseException as error:
        first = error if isinstance(error, Exception) else None
        why = first or GeneratorExit()
        raise
    finally:
        try:
            with anyio.CancelScope(shield=True):
                await fn(why)
        except Exception as error:
            if first is None:
                raise
            first.add_note(_also(error))


def _also(error: Exception) -> str:
    return f"and on_end() failed: {error!r}"


def _end_of(item: object) -> End | None:
    return item.value if isinstance(item, Change) and isinstance(item.value, End) else None
