"""`DaemonCalls`: blocking calls in a thread that does not keep the process alive."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar, cast

from streamkit.flow.tasks import require_asyncio

__all__ = ["DaemonCalls"]

T = TypeVar("T")


class DaemonCalls:
    """Runs functions in a daemon thread of its own, one after the other.

    A call that is cancelled goes on in the thread, but nobody waits for it: neither the event loop nor the end of the
    process.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._busy = False
        # If the thread still reads standard input while Python ends, nothing may close that: it would wait for a lock,
        # and abort. So the thread holds a reference.
        Thread(target=_work, args=(self._calls, sys.stdin), name="streamkit file", daemon=True).start()

    async def call(self, function: Callable[[], T]) -> T:
        """Return what the function returns, or raise what it raises."""
        loop = require_asyncio("a file read with 'async for'")
        future: asyncio.Future[object] = loop.create_future()

        def run() -> None:
            try:
                result, error = cast("object", function()), None
            except BaseException as raised:  # noqa: BLE001  # raised where it is awaited
                result, error = None, raised
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(_finish, future, result, error)

        self._busy = True
        self._calls.put(run)
        try:
            return cast("T", await future)
        finally:
            self._busy = future.cancelled()

    def close(self, last: Callable[[], object]) -> None:
        """End the thread; call `last` before: here, or in the thread if a call was given up and is still running."""
        if self._busy:
            self._calls.put(last)
        else:
            last()
        self._calls.put(None)


def _work(calls: SimpleQueue[Callable[[], object] | None], keep: object) -> None:
    while (call := calls.get()) is not None:
        call()


def _finish(future: asyncio.Future[object], result: object, error: BaseException | None) -> None:
    if future.done():
        return  # cancelled
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
