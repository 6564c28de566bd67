"""`Channel`: a log, and those who wait for it to grow."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from streamkit.changes.change import Change
from streamkit.hub.limits import Limits
from streamkit.hub.log import MemoryLog
from streamkit.hub.waiters import Waiters

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Channel"]


class Channel:
    """Wakes whoever waits: readers when something was told, the source when there is room.

    Attributes:
        log: what was told.
        readers: those who wait for something to be told.
        limits: the numbers up to which the source may go, of those who make it wait.
        trace: where the error of the stream came from.
    """

    def __init__(self, log: MemoryLog) -> None:
        self.log, self.limits = log, Limits()
        self.readers = Waiters()
        self.trace: TracebackType | None = None
        self._source: asyncio.Future[None] | None = None

    def tell(self, changes: Sequence[Change[object]]) -> bool:
        """Take the changes of one chunk; return whether anybody was waiting for them.

        Raises:
            TypeError, ValueError: as `MemoryLog.append`.
        """
        try:
            self.log.append(changes)
        finally:
            woken = self._wake()
        return woken

    def close(self, error: Exception | None = None, *, cancelled: bool = False) -> None:
        """End the stream, if it has not ended."""
        self.log.close(error, cancelled=cancelled)
        self._wake()

    async def room(self) -> None:
        """Wait until nobody makes the source wait."""
        while self._is_full():
            self._source = asyncio.get_running_loop().create_future()
            try:
                await self._source
            finally:
                self._source = None

    def move(self, before: int | None, after: int | None) -> None:
        """Exchange one limit of the source for another."""
        if after is not None:
            self.limits.add(after)
        if before is not None:
            self.limits.remove(before)
        if self._source is not None and not self._source.done() and not self._is_full():
            self._source.set_result(None)

    def _is_full(self) -> bool:
        limit = self.limits.smallest
        return limit is not None and self.log.seq > limit

    def _wake(self) -> bool:
        end = self.log.end
        if end is not None and end.error is not None and self.trace is None:
            self.trace = end.error.__traceback__
        return self.readers.wake()
