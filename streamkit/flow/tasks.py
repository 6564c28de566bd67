"""Stopping a task of one's own, and waiting for it: no task is ever left behind."""

from __future__ import annotations

import asyncio

import anyio

__all__ = ["stop"]


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
