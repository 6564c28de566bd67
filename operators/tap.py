"""tap: call a function with every item, and pass the item on (Rx's tap, Kotlin's onEach).

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
    """Call `fn` with every item without changing the items: to log, count or trace.

    Args:
        fn: called with each item before it is passed on. If it raises, the stream ends.

    Raises:
        TypeError: `fn` is not a function, or is a coroutine function, or returns a coroutine (when the flow is
            iterated): this stage does not wait.
    """
    check_function(fn, "tap()")
    if inspect.iscoroutinefunction(fn):
        raise TypeError(
            f"tap() takes a plain function, got the coroutine function {fn!r}: await it in the consuming loop"
        )
    return Through(lambda: _Tap(fn), f"tap({getattr(fn, '__name__', 'fn')})")


class _Tap(Generic[T]):
    def __init__(self, fn: Callable[[T], object]) -> None:
        self._fn = fn

    def feed(self, item: T, /) -> Sequence[T]:
        returned = self._fn(item)
        if returned is not None:
            refuse_coroutine(returned, "tap()")
        return (item,)

    def close(self, reason: Reason, /) -> Sequence[T]:
        return ()
