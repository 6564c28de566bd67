"""`AsyncReader`: the I/O of a run in the async world. It is `SyncReader`, in `reader.py`, written for that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from copy import deepcopy
from inspect import isawaitable
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio

from streamkit.client.request import Asked
from streamkit.client.runs.hooks import Hooks
from streamkit.client.runs.reader import ReadingMachine, RunReader
from streamkit.errors import StreamkitError
from streamkit.flow import require_asyncio

if TYPE_CHECKING:
    from streamkit.sources.pieces import AsyncPieces

__all__ = ["AsyncReader"]

ItemT = TypeVar("ItemT")


class AsyncReader(RunReader[ItemT]):
    """Reads in the async world; see `SyncReader`. Hooks that are async are awaited."""

    def __init__(
        self, machine: ReadingMachine[ItemT], send: Callable[[Asked], Awaitable[AsyncPieces]], hooks: Hooks
    ) -> None:
        super().__init__(machine, hooks)
        self._send = send
        self._source: AsyncPieces | None = None
        self._batches: AsyncGenerator[Sequence[ItemT], None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._asking: anyio.CancelScope | None = None  # around a request, and the wait before it
        self._turn = asyncio.Lock()  # one reads at a time
        self._whose: asyncio.Task[object] | None = None
        self._reads = 0  # that have ended

    async def open(self) -> None:
        """Send the first request, if that was not done."""
        if self._batches is None:
            require_asyncio("the async client")
            self._refuse_hook()
            async with self._turn:
                self._whose = asyncio.current_task()
                await self._open()

    async def more(self) -> Sequence[ItemT] | None:
        """Read on; None at the end. Nothing may come of what was read.

        Nothing comes either if another task was reading: it is to be looked at first what that one was given.
        """
        self._refuse_hook()
        reads = self._reads
        # All in one coroutine: each that waits for a read is resumed after it, through all those around it.
        async with self._turn:
            if self._reads != reads:
                return ()
            if self._batches is None:
                require_asyncio("the async client")
            self._whose = asyncio.current_task()
            self._check()
            if self._batches is None:
                await self._open()
            try:
                return await cast("AsyncGenerator[Sequence[ItemT], None]", self._batches).__anext__()
            except StopAsyncIteration:
                return None
            except BaseException as error:
                if not self._ended:
                    self._failed = error
                raise
            finally:
                self._reads += 1

    def cancel(self) -> None:
        """Stop the provider's stream at once, though another task may be reading: that one is given the end."""
        self._cancelled = True
        if self._asking is not None:
            self._asking.cancel()
        if self._source is not None and self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._source.aclose(), name="streamkit cancel")

    async def aclose(self) -> None:
        """Stop: close the connection, though another task may be reading. Again is harmless."""
        self._closed = True
        is_read = self._turn.locked()
        if is_read:
            self.cancel()
        # Not even a cancelled task goes before the connection is closed.
        with anyio.CancelScope(shield=True):
            try:
                if self._closing is not None:
                    await asyncio.wait([self._closing])
                if self._batches is not None and not is_read:
                    await self._batches.aclose()
            finally:
                # A stream that nobody began to read is not closed by its generator.
                if self._source is not None:
                    await self._source.aclose()

    def _refuse_hook(self) -> None:
        if self._turn.locked() and self._whose is asyncio.current_task():
            raise StreamkitError("a hook cannot read the run that calls it")

    async def _open(self) -> None:
        if self._batches is None and not self._closed:
            self._began = monotonic()
            if not self._cancelled:
                with anyio.CancelScope() as self._asking:
                    self._source = await self._request()
            self._batches = self._read()

    async def _request(self) -> AsyncPieces:
        asked = self.machine.asked
        if self._hooks.on_request is not None:
            await self._call([(self._hooks.on_request, deepcopy(asked.sent))])
        return await self._send(asked)

    async def _read(self) -> AsyncGenerator[Sequence[ItemT], None]:
        machine = self.machine
        if self._source is None:
            yield await self._give_up(self._stopped())
            return
        while True:
            source = self._source
            machine.begin(source.answer)
            failed: Exception | None = None
            try:
                while not machine.stop and not self._cancelled:
                    try:
                        pieces = await source.__anext__()
                    except StopAsyncIteration:
                        break
                    except Exception as error:  # noqa: BLE001  # whatever the source raises is how it ended
                        failed = error
                        break
                    batch = machine.feed(pieces)
                    if batch and self.first_change is None:
                        self._seen()
                    if self._hooked:
                        await self._call(self._calls(pieces, batch))
                    yield batch
            finally:
                with anyio.CancelScope(shield=True):
                    await source.aclose()
            yield await self._told(machine.end(self._reason(failed)))
            while machine.wait is not None:
                cause = await self._again(machine.wait)
                if cause is None:
                    break
                yield await self._give_up(cause)
            else:
                break
        if machine.error is not None:
            raise machine.error

    async def _again(self, wait: float) -> Exception | None:
        """Send the next request; return why there is none."""
        if self._hooks.on_retry is not None:
            await self._call([(self._hooks.on_retry, self.machine.over[-1])])
        if self._cancelled:
            return self._stopped()
        with anyio.CancelScope() as self._asking:
            await anyio.sleep(wait)
            try:
                self._source = await self._request()
            except Exception as error:  # noqa: BLE001  # what the subscriber has is to be ended
                return error
            return None
        return self._stopped()

    async def _give_up(self, cause: Exception) -> Sequence[ItemT]:
        return await self._told(self.machine.give_up(cause))

    async def _told(self, batch: Sequence[ItemT]) -> Sequence[ItemT]:
        """What an attempt ends with, after the hooks had it."""
        await self._call(self._hooks.calls_for(batch))
        self._ended = self.machine.wait is None
        return batch

    async def _call(self, calls: Sequence[tuple[Callable[[Any], object], object]]) -> None:
        for call, value in calls:
            told = call(value)
            if isawaitable(told):
                await told
