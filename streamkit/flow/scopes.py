"""`RunScopes`: which run belongs to whom, when one flow is entered by several at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Generic, TypeVar, cast

__all__ = ["RunScopes", "noted"]

RunT = TypeVar("RunT")


class RunScopes(Generic[RunT]):
    """The runs that were entered and not left, by the task (or, without one, the thread) that entered."""

    def __init__(self) -> None:
        self._runs: dict[object, list[RunT]] = {}

    def enter(self, run: RunT) -> RunT:
        """Take a run that begins, and return it."""
        self._runs.setdefault(_here(), []).append(run)
        return run

    def leave(self) -> RunT:
        """The newest run of whoever leaves."""
        who = _here()
        if who not in self._runs:
            # RunScopes elsewhere, by a fixture say: by a task that is over rather than one that can leave by itself.
            newest = list(reversed(self._runs))
            who = next(filter(_is_over, newest), newest[0])
        run = self._runs[who].pop()
        if not self._runs[who]:
            del self._runs[who]
        return run


@contextmanager
def noted(error: BaseException | None) -> Generator[None]:
    """What fails while something else already did is a note on that."""
    try:
        yield
    except Exception as closing:
        if error is None:
            raise
        error.add_note(f"and closing the source failed: {closing!r}")


def _here() -> object:
    """Who is running: entering and leaving happen in one task (or, without one, in one thread)."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return task if task is not None else threading.get_ident()


def _is_over(who: object) -> bool:
    return isinstance(who, asyncio.Task) and cast("asyncio.Task[object]", who).done()
