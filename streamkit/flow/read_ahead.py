"""`Reading`: for operators that wait. A pump reads the batches before it in a task of its own, and yields batches.

A pump is an async generator. It may keep a `Reading` open across its `yield`s, because that is a plain task. It must
not keep a task group or a cancel scope open: those would be entered in one task and left in another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, NoReturn

from streamkit.flow.run import Batches
from streamkit.flow.tasks import failure_of, refuse_if_cancelled, stop

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["Reading", "needs_a_loop"]


class Reading:
    """Reads batches ahead in a task, inside its `async with` block.

    Args:
        batches: the batches to read; closed when the block is left.
        take: called with each batch.
        name: the operator's name, for the task.
    """

    def __init__(self, batches: Batches, take: Callable[[Sequence[object]], None], name: str) -> None:
        self._batches, self._take, self._name = batches, take, name
        self._changed = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether the batches have ended."""
        return self._task.done()

    async def wait(self, within: float | None = None) -> bool:
        """Wait until a batch arrives, or has arrived since the last call, or the batches end.

        Returns:
            False if none of that happened within so many seconds.
        """
        try:
            async with asyncio.timeout(within):
                await self._changed.wait()
        except TimeoutError:
            return False
        if not self.over:
            self._changed.clear()
        return True

    async def rest(self, seconds: float) -> None:
        """Wait for so many seconds, or until the batches end."""
        if not self.over:
            await asyncio.wait([self._task], timeout=seconds)

    def finish(self) -> None:
        """Raise the error with which the batches ended, if there was one."""
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
            error.add_note(f"and the source, read ahead, failed: {failed!r}")

    async def _read(self) -> None:
        try:
            async with aclosing(self._batches):
                async for batch in self._batches:
                    refuse_if_cancelled(self._task, batch)
                    self._take(batch)
                    self._changed.set()
        except asyncio.CancelledError as cancelled:
            raise failure_of(cancelled, f"the input of {self._name}") from cancelled
        finally:
            self._changed.set()


def needs_a_loop(name: str) -> Callable[[], NoReturn]:
    """Return the `make_machine` of a stage that waits and has no machine: it raises, because `for` cannot wait."""

    def make_machine() -> NoReturn:
        raise TypeError(
            f"{name} waits, so it needs an event loop: write 'async for' or 'await ....result()', not 'for'"
        )

    return make_machine
