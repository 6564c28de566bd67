"""Stopping a task of one's own, and waiting for it: no task is ever left behind."""

from __future__ import annotations

import asyncio

import anyio

from streamkit.errors import SourceFailed

__all__ = ["failure_of", "stop"]


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
