"""`RunScopes`: which run belongs to which `with` block, when several tasks or threads enter one flow at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Generic, TypeVar, cast

__all__ = ["RunScopes", "note_closing_error"]

RunT = TypeVar("RunT")


class RunScopes(Generic[RunT]):
    """The runs whose block is open, by the task (or, without one, the thread) that entered it."""

    def __init__(self) -> None:
        self._runs: dict[object, list[RunT]] = {}

    def enter(self, run: RunT) -> RunT:
        """Add a run whose block is entered, and return it."""
        self._runs.setdefault(_current_owner(), []).append(run)
        return run

    def leave(self) -> RunT:
        """Remove and return the newest run of the current task or thread."""
        owner = _current_owner()
        if owner not in self._runs:
            # It was entered in another task, by a fixture for example. Prefer a task that has ended: it cannot leave
            # its block itself.
            newest_first = list(reversed(self._runs))
            owner = next(filter(_has_ended, newest_first), newest_first[0])
        run = self._runs[owner].pop()
        if not self._runs[owner]:
            del self._runs[owner]
        return run


@contextmanager
def note_closing_error(error: BaseException | None) -> Generator[None]:
    """Turn an exception of the block into a note on the error that was raised before it, if there is one."""
    try:
        yield
    except Exception as closing:
        if error is None:
            raise
        error.add_note(f"and closing the source failed: {closing!r}")


def _current_owner() -> object:
    """The current task or, without one, the current thread: usually the same enters and leaves a block."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return task if task is not None else threading.get_ident()


def _has_ended(owner: object) -> bool:
    return isinstance(owner, asyncio.Task) and cast("asyncio.Task[object]", owner).done()
