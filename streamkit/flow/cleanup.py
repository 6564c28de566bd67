"""`is_cleaning_up`: whether something that was cancelled is about to end, or has swallowed the cancellation.

Both wait. But what cleans up is inside a `finally`, an `except` or an `__aexit__`: one of its frames handles an
exception. Python shows that exception to the garbage collector only, so this asks the collector.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable
from types import FrameType
from typing import Any, cast

__all__ = ["is_cleaning_up"]

_AWAITS = ("cr_await", "ag_await", "gi_yieldfrom")
_LEAVING = ("__aexit__", "aclose")  # a task group waits there for its tasks, after it has handled the cancellation
_FRAMES = ("cr_frame", "ag_frame", "gi_frame")


def is_cleaning_up(waiting: object) -> bool:
    """Whether a task, coroutine or async generator, or whatever it awaits, is handling an exception."""
    while waiting is not None:
        if isinstance(waiting, asyncio.Task):
            waiting = cast("object", waiting.get_coro())  # pyright: ignore[reportUnknownMemberType]  # a task of anything
        elif asyncio.isfuture(waiting):
            # What gather() returns waits for its children.
            children = cast("Iterable[asyncio.Future[Any]]", getattr(waiting, "_children", ()))
            return any(is_cleaning_up(child) for child in children if not child.done())
        if _is_ending(waiting):
            return True
        waiting = _awaited_by(waiting)
    return False


def _awaited_by(waiting: object) -> object:
    """Return what a coroutine, a generator or one of asyncio's iterators waits for; None if unknown."""
    for name in _AWAITS:
        if hasattr(waiting, name):
            return getattr(waiting, name)
    # `anext(generator)` and a future's iterator do not name what they wait for.
    inner = (each for each in gc.get_referents(waiting) if hasattr(each, "ag_await") or asyncio.isfuture(each))
    return next(inner, None)


def _is_ending(waiting: object) -> bool:
    """Whether this frame handles an exception, or leaves a block; those that it waits for are not looked at."""
    frame: FrameType | None = next((getattr(waiting, name) for name in _FRAMES if hasattr(waiting, name)), None)
    if frame is None:
        return False
    if frame.f_code.co_name in _LEAVING:
        return True
    # A local variable may still refer to an exception that was handled before.
    kept = sum(isinstance(value, BaseException) for value in frame.f_locals.values())
    return sum(isinstance(each, BaseException) for each in gc.get_referents(waiting)) > kept
