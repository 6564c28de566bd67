"""Stopping the tasks that a stage started, and waiting for their end: no task is left running."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import anyio

from streamkit.errors import SourceFailed

__all__ = ["failure_of", "stop", "stop_all"]


def failure_of(cancelled: asyncio.CancelledError, what: str) -> SourceFailed:
    """Return the error to raise for a `CancelledError` that did not come from a cancellation of the running task.

    For example, a source awaited a task that had been cancelled. If the running task itself is being cancelled, the
    `CancelledError` is raised again.

    Args:
        cancelled: the error that was caught.
        what: what raised it, for the message.
    """
    task = asyncio.current_task()
    if task is None or task.cancelling():
        raise cancelled
    return SourceFailed(f"{what} was cancelled, but its consumer was not: did it await a cancelled task?")


async def stop(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it has ended.

    The task's exception is not raised here: ask the task. A cancelled scope around this call does not shorten the
    wait. A second `Task.cancel()` during the wait is passed on to the task, and raised after it has ended.
    """
    task.cancel()
    second_cancel: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                second_cancel = error
                task.cancel()
    if second_cancel is not None:
        raise second_cancel


async def stop_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, all at once, and wait until every one has ended; see `stop`.

    A second `Task.cancel()` during the wait is passed on to the tasks still running, and raised after all have ended.
    """
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    second_cancel: asyncio.CancelledError | None = None
    for task in tasks:
        try:
            await stop(task)
        except asyncio.CancelledError as error:
            second_cancel = error
    if second_cancel is not None:
        raise second_cancel
