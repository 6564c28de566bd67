"""Stopping the tasks that a stage started, and waiting for their end: no task is left running."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import anyio

from streamkit.changes.change import Change
from streamkit.errors import SourceFailed, StreamkitError
from streamkit.flow.cleanup import is_cleaning_up

__all__ = ["cancellations", "failure_of", "refuse_if_cancelled", "require_asyncio", "stop", "stop_all"]

_PATIENCE = 0.5  # seconds until a task that went on after its cancellation is cancelled again
_CANCELLATIONS = 10  # how often a task is cancelled, before it is left alone


def require_asyncio(what: str) -> asyncio.AbstractEventLoop:
    """Return the running event loop.

    Args:
        what: what needs it, for the message.

    Raises:
        StreamkitError: asyncio is not running; perhaps trio is.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio")
        runs = "trio is" if trio is not None and trio.lowlevel.in_trio_run() else "no event loop is"
        raise StreamkitError(
            f"{what} runs on asyncio, and here {runs} running: start your program with asyncio.run(main())"
        ) from None


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


def cancellations() -> int:
    """Return how often the running task was cancelled so far. If it grew, a source swallowed a cancellation."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def refuse_if_cancelled(task: asyncio.Task[Any] | None, batch: Sequence[object]) -> None:
    """Raise `CancelledError` if a task was cancelled and still got another batch: its source swallowed the first one.

    A batch that ends the stream passes: the error of a source that failed while it was cancelled comes after it.

    Args:
        task: the running task.
        batch: what it got.
    """
    if task is not None and task.cancelling() and not _is_end(batch[-1]):
        raise asyncio.CancelledError


def _is_end(item: object) -> bool:
    return isinstance(item, Change) and item.op == "end"


async def stop(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it has ended.

    The task's exception is not raised here: ask the task. A cancelled scope around this call does not shorten the
    wait. A second `Task.cancel()` during the wait is passed on to the task, and raised after it has ended.

    A task that swallows the cancellation and goes on is cancelled again every 0.5 s, up to ten times. A task that
    cleans up, in a `finally` for example, may take as long as it needs.

    Raises:
        SourceFailed: the task ignored every cancellation, and is still running.
    """
    await stop_all([task])


async def stop_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, all at once, and wait until every one has ended; see `stop`.

    A second `Task.cancel()` during the wait is passed on to the tasks still running, and raised after all have ended.
    """
    running: set[asyncio.Task[Any]] = {task for task in tasks if not task.done()}
    second_cancel: asyncio.CancelledError | None = None
    ignored = 0
    deaf: set[asyncio.Task[Any]] = running
    with anyio.CancelScope(shield=True):
        while running and ignored < _CANCELLATIONS:
            for task in deaf:
                task.cancel()
            try:
                await asyncio.wait(running, timeout=_PATIENCE)
            except asyncio.CancelledError as error:
                second_cancel = error
                running = deaf = {task for task in running if not task.done()}
            else:
                running = {task for task in running if not task.done()}
                deaf = {task for task in running if not is_cleaning_up(task)}
                ignored += bool(deaf)
    if second_cancel is not None:
        raise second_cancel
    if running:
        names = ", ".join(sorted(task.get_name() for task in running))
        raise SourceFailed(
            f"a source ignored {ignored} cancellations and is still running (task {names}): let it raise "
            "CancelledError, with 'except Exception' instead of 'except BaseException' or a bare 'except'"
        )
