"""Stopping tasks of one's own, and waiting for them: none is ever left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import anyio

from streamkit.errors import SourceFailed

__all__ = ["failure_of", "stop", "stop_all"]


def failure_of(cancelled: asyncio.CancelledError, what: str) -> SourceFailed:
    """Return the error to raise where something raised `CancelledError` of itself: whoever reads it was not cancelled.

    Something awaited a task that had been cancelled, say. Where the running task itself is being cancelled, that is
    raised on.

    Args:
        cancelled: what was raised.
        what: who raised it, for the message.
    """
    task = asyncio.current_task()
    if task is None or task.cancelling():
        raise cancelled
    return SourceFailed(f"{what} was cancelled, by none of those who read it: it awaited what had been cancelled?")


async def stop(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it has ended; returns when nothing of it is left.

    What it raises is not raised here: ask the task. A cancelled scope around this does not cut the waiting short. A
    second `Task.cancel()` while it waits is passed on to the task, and raised when that has ended.
    """
    task.cancel()
    hurried: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                hurried = error
                task.cancel()
    if hurried is not None:
        raise hurried


async def stop_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, all at once, and wait until every one has ended; see `stop`.

    A second `Task.cancel()` while it waits is passed on to those that have not ended, and raised when all have.
    """
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    hurried: asyncio.CancelledError | None = None
    for task in tasks:
        try:
            await stop(task)
        except asyncio.CancelledError as error:
            hurried = error
    if hurried is not None:
        raise hurried
