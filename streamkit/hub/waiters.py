"""`Waiters`: tasks that wait for the same, and are woken together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator
from contextvars import Context
from itertools import repeat
from time import monotonic
from typing import cast

__all__ = ["Waiter", "Waiters"]

_TURN = 0.01  # seconds of one turn of the loop in which tasks are woken


class Waiters:
    """All who wait for one thing, in the order they came.

    With a future for each, a thousand readers cost a thousand futures and a thousand callbacks of the loop for every
    batch: a third of what it takes to hand the batch over. These are woken in one callback, and in the same order.

    Attributes:
        loop: whose tasks these are; None until one waits.
        waking: how many rounds of waking are not finished.
    """

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.waking = 0
        self._waiting: dict[Waiter, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, waiter: Waiter) -> None:
        """Have this one woken with the others."""
        self._waiting[waiter] = None

    def remove(self, waiter: Waiter) -> bool:
        """Do not wake this one; return whether it was waiting to be."""
        return self._waiting.pop(waiter, self) is None

    def wake(self) -> bool:
        """Have the loop wake all who wait by now; return whether there is any."""
        if not self._waiting or self.loop is None:
            return False
        waiting, self._waiting = self._waiting, {}
        self.waking += 1
        self.loop.call_soon(self._run, iter(waiting), self.loop)
        return True

    def _run(self, waiting: Iterator[Waiter], loop: asyncio.AbstractEventLoop) -> None:
        """Wake tasks, one after the other; let the loop do other things if that takes long."""
        pause_at = monotonic() + _TURN
        try:
            for waiter in waiting:
                waiter.context.run(waiter.wakeup, waiter)
                if monotonic() > pause_at:
                    loop.call_soon(self._run, waiting, loop)
                    return
        except BaseException:
            # An interrupt leaves the loop through the task it hit; the others are woken when the loop goes on.
            loop.call_soon(self._run, waiting, loop)
            raise
        self.waking -= 1


class Waiter:
    """What one task awaits, again and again: so much of a future as a task makes use of (see `asyncio.isfuture`).

    It has no result: who is woken looks for what has changed, and may find nothing.
    """

    __slots__ = ("_asyncio_future_blocking", "_waiters", "context", "wakeup")

    context: Context
    wakeup: Callable[[Waiter], object]

    def __init__(self, waiters: Waiters) -> None:
        self._waiters = waiters
        self._asyncio_future_blocking = False

    def __await__(self) -> Generator[Waiter, None, None]:
        self._asyncio_future_blocking = True  # so the task knows that it is to wait for what it is handed
        # As `yield self`, in a quarter of the memory of a generator: what is idle waits here.
        return cast("Generator[Waiter, None, None]", repeat(self, 1))

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Of what loop a task must be to wait for this."""
        waiters = self._waiters
        if waiters.loop is None:
            waiters.loop = asyncio.get_running_loop()
        return waiters.loop

    def add_done_callback(self, wakeup: Callable[[Waiter], object], *, context: Context) -> None:
        """Take how to wake the task that now waits for this."""
        self.wakeup, self.context = wakeup, context
        self._waiters.add(self)

    def result(self) -> None:
        """What the task asks for when it is woken."""

    def cancel(self, msg: object = None) -> bool:
        """Wake the task; return False, which has it raise by itself that it was cancelled."""
        self.wake()
        return False

    def wake(self) -> None:
        """Have the loop wake the task without the others, if it does not do so already."""
        if self._waiters.remove(self):
            self.get_loop().call_soon(self.wakeup, self, context=self.context)
