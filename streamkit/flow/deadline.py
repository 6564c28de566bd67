"""`Deadline`: limits how long an operator waits for the next batch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamkit.flow.cleanup import is_cleaning_up

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["Deadline"]

_PATIENCE = 0.5  # seconds until a source that swallowed a cancellation is cancelled again
_NO_ERROR = (type(None), StopAsyncIteration, asyncio.CancelledError)


class Deadline:
    """Raises `TimeoutError` if its block takes too long.

    Unlike `asyncio.timeout`, it cancels again while the source goes on as if nothing had happened, and does not let a
    batch pass that arrives after the deadline.

    Args:
        seconds: how long the block may take; None for no limit.
        reading: the generator that the block awaits.

    Attributes:
        passed: whether the block took too long.
    """

    def __init__(self, seconds: float | None, reading: object) -> None:
        self._seconds, self._reading = seconds, reading
        self._timer: asyncio.TimerHandle | None = None
        self._cancellations = 0

    @property
    def passed(self) -> bool:
        return self._cancellations > 0

    def __enter__(self) -> Self:
        if self._seconds is None:
            return self
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._before = self._task.cancelling() if self._task is not None else 0
        self._timer = self._loop.call_later(self._seconds, self._cancel)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.passed or self._task is None:
            return
        for _ in range(self._cancellations):
            self._task.uncancel()
        cancelled_by_others = self._task.cancelling() > self._before
        if isinstance(error, _NO_ERROR) and not cancelled_by_others:
            raise TimeoutError from error

    def _cancel(self) -> None:
        if self._task is not None and not (self.passed and is_cleaning_up(self._reading)):
            self._cancellations += 1
            self._task.cancel()
        self._timer = self._loop.call_later(_PATIENCE, self._cancel)
