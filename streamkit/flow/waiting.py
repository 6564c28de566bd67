"""For operators that wait: a pump reads the batches before it in a task of its own, and gives batches.

A pump is an async generator. It may hold a `Reading` across its `yield`s, because that is a plain task; never a task
group or a cancel scope, which would be entered in one task and left in another.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, NoReturn

from streamkit.flow.run import Batches
from streamkit.flow.tasks import failure_of, stop

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["Reading", "check_function", "check_kinds", "check_seconds", "needs_a_loop", "refuse_coroutine"]


class Reading:
    """Reads batches ahead, for as long as its block lasts.

    Args:
        batches: what is read; closed when the block is left.
        take: called with each batch.
        name: of the operator, for its task.
    """

    def __init__(self, batches: Batches, take: Callable[[Sequence[object]], None], name: str) -> None:
        self._batches, self._take, self._name = batches, take, name
        self._news = asyncio.Event()

    @property
    def over(self) -> bool:
        """Nothing more will come."""
        return self._task.done()

    async def news(self, within: float | None = None) -> bool:
        """Wait until something came since the last call, or nothing more can come.

        Returns False if neither happened in that many seconds.
        """
        try:
            async with asyncio.timeout(within):
                await self._news.wait()
        except TimeoutError:
            return False
        if not self.over:
            self._news.clear()
        return True

    async def rest(self, seconds: float) -> None:
        """Wait so long, or until nothing more can come."""
        if not self.over:
            await asyncio.wait([self._task], timeout=seconds)

    def finish(self) -> None:
        """Raise what the batches raised at their end, if they did."""
        self._task.result()

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._read(), name=f"streamkit {self._name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await stop(self._task)
        if self._task.cancelled():
            return
        failed = self._task.exception()
        if failed is not None and error is not None and failed is not error:
            if isinstance(error, GeneratorExit):
                raise failed
            error.add_note(f"and reading ahead of it failed: {failed!r}")

    async def _read(self) -> None:
        try:
            async with aclosing(self._batches):
                async for batch in self._batches:
                    self._take(batch)
                    self._news.set()
        except asyncio.CancelledError as cancelled:
            raise failure_of(cancelled, f"what {self._name} reads") from cancelled
        finally:
            self._news.set()


def needs_a_loop(name: str) -> Callable[[], NoReturn]:
    """Return what a stage that waits has in place of machines: under a plain `for` nothing can wait."""

    def make_machine() -> NoReturn:
        raise TypeError(
            f"{name} waits, so it needs an event loop: write 'async for' or 'await ....result()', not 'for'"
        )

    return make_machine


def check_function(fn: object, name: str) -> None:
    """Make sure that what a stage is to call can be called.

    Raises:
        TypeError: it cannot.
    """
    if not callable(fn):
        raise TypeError(f"{name} takes a function, got {fn!r:.80}")


def check_seconds(seconds: object, name: str) -> None:
    """Make sure that what is to be waited for is a time.

    Raises:
        TypeError: it is no number.
        ValueError: it is not positive.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{name} takes seconds as a number, such as 0.5, got {seconds!r:.80}")
    if not seconds > 0:
        raise ValueError(f"{name}: the seconds to wait are more than 0, got {seconds!r}")


def check_kinds(kinds: Sequence[object], name: str) -> None:
    """Make sure that what is to be caught are classes of exceptions.

    Raises:
        TypeError: one is not.
    """
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise TypeError(f"{name} takes classes of exceptions, such as ConnectionError, got {kind!r:.80}")


def refuse_coroutine(told: object, name: str) -> None:
    """Raise if a function that a stage called has returned a coroutine: nobody would run it.

    Raises:
        TypeError: what the function returned is a coroutine; it is closed.
    """
    if inspect.iscoroutine(told):
        told.close()
        raise TypeError(f"{name} called a plain function, and got {told!r:.80}, which nobody awaits")
