"""Stopping several tasks of one's own: none is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from streamkit.flow import stop

__all__ = ["stop_all"]


async def stop_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, all at once, and wait until every one has ended; see `streamkit.flow.stop`.

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
