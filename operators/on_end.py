"""on_end: call a function when a run is over, however it ended (Kotlin's onCompletion).

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
    """Call `fn` once per run, when it is over; items pass unchanged.

    Its argument says what ended the run: None if all went well; the error that is raised, or that the `end` reports
    (for a truncated text, for example); `GeneratorExit` if the consumer left or was cancelled. An error of `fn` is
    raised, or becomes a note on an earlier error.

    Args:
        fn: a function; or a coroutine function, which needs `async for`. A plain function that returns a coroutine (a
            lambda around one, for example) raises a `TypeError` when the run is over.

    Raises:
        TypeError: `fn` is not a function.
    """
    check_function(fn, "on_end()")
    name = f"on_end({getattr(fn, '__name__', 'fn')})"
    if not inspect.iscoroutinefunction(fn):
        return Through(lambda: _OnEnd(fn), name)

    def pump(batches: Batches) -> Batches:
        return _await_at_end(batches, cast("Callable[[BaseException | None], Awaitable[object]]", fn))

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
        cause = reason if isinstance(reason, BaseException) else end.error if end is not None else None
        try:
            refuse_coroutine(self._fn(cause), "on_end()")
        except Exception as error:
            # The error of an `end` is raised only if its status is `failed`.
            cause_is_raised = isinstance(reason, Exception) or (end is not None and end.status == "failed")
            if cause is None or not cause_is_raised:
                raise
            cause.add_note(_note(error))
        return ()


async def _await_at_end(batches: Batches, fn: Callable[[BaseException | None], Awaitable[object]]) -> Batches:
    cause: BaseException | None = None
    raised: Exception | None = None
    try:
        async with aclosing(batches):
            async for batch in batches:
                end = _end_of(batch[-1])
                cause = end.error if end is not None else None
                yield batch
    except BaseException as error:
        raised = error if isinstance(error, Exception) else None
        cause = raised or GeneratorExit()
        raise
    finally:
        try:
            with anyio.CancelScope(shield=True):
                await fn(cause)
        except Exception as error:
            if raised is None:
                raise
            raised.add_note(_note(error))


def _note(error: Exception) -> str:
    return f"and on_end() failed: {error!r}"


def _end_of(item: object) -> End | None:
    return item.value if isinstance(item, Change) and isinstance(item.value, End) else None
