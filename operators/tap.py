"""tap: calls a function with every item and passes the item on (Rx's tap, Kotlin's onEach).

in    a  b  c
out   a  b  c      and  fn(a), fn(b), fn(c)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from streamkit.flow import Reason, Through, check_function, refuse_coroutine

__all__ = ["tap"]

T = TypeVar("T")


def tap(fn: Callable[[Any], object]) -> Through:
    """Look at what passes, without changing it: to log, count or trace.

    Args:
        fn: called with each item before it is passed on; what it raises ends the stream.

    Raises:
        TypeError: `fn` is no function, is a coroutine function, or returns a coroutine (when the flow is iterated);
            a stage does not wait.
    """
    check_function(fn, "tap()")
    if inspect.iscoroutinefunction(fn):
        raise TypeError(f"tap() takes a plain function, got the coroutine function {fn!r}; await in the consuming loop")
    return Through(lambda: _Tap(fn), f"tap({getattr(fn, '__name__', 'fn')})")


class _Tap(Generic[T]):
    def __init__(self, fn: Callable[[T], object]) -> None:
        self._fn = fn

    def feed(self, item: T, /) -> Sequence[T]:
        told = self._fn(item)
        if told is not None:
            refuse_coroutine(told, "tap()")
        return (item,)

    def close(self, reason: Reason, /) -> Sequence[T]:
        return ()
