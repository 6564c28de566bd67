"""`Channel`: a log, and the tasks that wait for it to grow."""

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
    """Wakes subscribers when changes arrive, and the source when there is room.

    Attributes:
        log: the changes.
        readers: subscribers that wait for changes.
        limits: how far the source may go, for each subscriber that makes it wait.
        trace: the traceback of the stream's error.
    """

    def __init__(self, log: MemoryLog) -> None:
        self.log, self.limits = log, Limits()
        self.readers = Waiters()
        self.trace: TracebackType | None = None
        self._source: asyncio.Future[None] | None = None

    def tell(self, changes: Sequence[Change[object]]) -> bool:
        """Publish the changes of one chunk; return whether a subscriber was waiting for them.

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
        """Wait until no subscriber makes the source wait."""
        while self._is_full():
            self._source = asyncio.get_running_loop().create_future()
            try:
                await self._source
            finally:
                self._source = None

    def move(self, before: int | None, after: int | None) -> None:
        """Replace one limit of the source by another."""
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
