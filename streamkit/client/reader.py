"""`SyncReader` and `AsyncReader`: the I/O of a run, around a machine that does none.

    request -> pieces -> machine -> batches of items;  again, as long as the machine wants another attempt

The two are one, written for the two worlds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from copy import deepcopy
from inspect import isawaitable
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import anyio

from streamkit.client.attempts import Cancelled
from streamkit.client.hooks import Hooks
from streamkit.client.request import Asked
from streamkit.errors import Attempt

if TYPE_CHECKING:
    from streamkit.events import Change
    from streamkit.flow import Reason
    from streamkit.sources.answer import Answer, Piece
    from streamkit.sources.pieces import AsyncPieces, Pieces

__all__ = ["AsyncReader", "ReadingMachine", "SyncReader"]

ItemT = TypeVar("ItemT")
ItemT_co = TypeVar("ItemT_co", covariant=True)


class ReadingMachine(Protocol[ItemT_co]):
    """What a reader drives; see `Attempts`."""

    asked: Asked
    answer: Answer
    over: list[Attempt]
    stop: bool
    wait: float | None
    error: Exception | None

    def begin(self, answer: Answer) -> None: ...
    def feed(self, pieces: Sequence[Piece]) -> Sequence[ItemT_co]: ...
    def end(self, reason: Reason) -> Sequence[ItemT_co]: ...
    def give_up(self, error: Exception) -> Sequence[ItemT_co]: ...


class _Reader(Generic[ItemT]):
    """What both kinds of reader know.

    Attributes:
        machine: what makes items of pieces.
        first_change: seconds from the first request to the first item; None before.
    """

    def __init__(self, machine: ReadingMachine[ItemT], hooks: Hooks) -> None:
        self.machine = machine
        self.first_change: float | None = None
        self._hooks = hooks
        self._hooked = hooks != Hooks()
        self._began: float | None = None
        self._cancelled = self._closed = False

    def _seen(self) -> None:
        if self._began is not None:
            self.first_change = monotonic() - self._began

    def _calls(self, pieces: Sequence[Piece], batch: Sequence[ItemT]) -> list[tuple[Callable[[Any], object], object]]:
        """What hooks are to be called for a read."""
        chunk = self._hooks.on_chunk
        calls: list[tuple[Callable[[Any], object], object]] = []
        if chunk is not None:
            calls += [(chunk, text) for (_, part), text in pieces if part == "content" or isinstance(part, int)]
        return calls + self._hooks.calls_for(cast("Sequence[Change]", batch))

    def _reason(self, error: Exception | None) -> Reason:
        if self._cancelled:
            return Cancelled("the run was cancelled")
        return error if error is not None else self.machine.answer.finish()


class SyncReader(_Reader[ItemT]):
    """Reads in the sync world.

    Args:
        machine: what makes items of pieces.
        send: sends a request.
        hooks: what is to be called meanwhile.
    """

    def __init__(self, machine: ReadingMachine[ItemT], send: Callable[[Asked], Pieces], hooks: Hooks) -> None:
        super().__init__(machine, hooks)
        self._send = send
        self._source: Pieces | None = None
        self._batches: Generator[Sequence[ItemT], None, None] | None = None

    def open(self) -> None:
        """Send the first request, if that was not done."""
        if self._batches is None and not self._closed:
            self._began = monotonic()
            self._source = self._request()
            self._batches = self._read()

    def more(self) -> Sequence[ItemT] | None:
        """Read on; None at the end. Nothing may come of what was read."""
        if self._batches is None:
            self.open()
            if self._batches is None:
                return None
        return next(self._batches, None)

    def cancel(self) -> None:
        """Stop the provider's stream; what is read next is the end."""
        self._cancelled = True
        if self._source is None:
            self._closed = True  # nothing was sent, and nothing will be
        else:
            self._source.close()

    def close(self) -> None:
        """Stop: close the connection. Again is harmless."""
        self._closed = True
        if self._batches is not None:
            self._batches.close()
        # A stream that nobody began to read is not closed by its generator.
        if self._source is not None:
            self._source.close()

    def _request(self) -> Pieces:
        asked = self.machine.asked
        if self._hooks.on_request is not None:
            self._hooks.on_request(deepcopy(asked.sent))
        return self._send(asked)

    def _read(self) -> Generator[Sequence[ItemT], None, None]:
        machine = self.machine
        while True:
            source = cast("Pieces", self._source)
            machine.begin(source.answer)
            failed: Exception | None = None
            try:
                while not machine.stop and not self._cancelled:
                    try:
                        pieces = next(source, None)
                    except Exception as error:  # noqa: BLE001  # whatever the source raises is how it ended
                        failed = error
                        break
                    if pieces is None:
                        break
                    batch = machine.feed(pieces)
                    if batch and self.first_change is None:
                        self._seen()
                    if self._hooked:
                        self._call(self._calls(pieces, batch))
                    yield batch
            finally:
                source.close()
            batch = machine.end(self._reason(failed))
            self._call(self._hooks.calls_for(cast("Sequence[Change]", batch)))
            yield batch
            if machine.wait is None:
                break
            if self._hooks.on_retry is not None:
                self._hooks.on_retry(machine.over[-1])
            sleep(machine.wait)
            cause = self._again()
            if cause is not None:
                batch = machine.give_up(cause)
                self._call(self._hooks.calls_for(cast("Sequence[Change]", batch)))
                yield batch
                break
        if machine.error is not None:
            raise machine.error

    def _again(self) -> Exception | None:
        """Send the next request; return why there is none."""
        if self._cancelled:
            return Cancelled("the run was cancelled")
        try:
            self._source = self._request()
        except Exception as error:  # noqa: BLE001  # what the subscriber has is to be ended
            return error
        return None

    def _call(self, calls: Sequence[tuple[Callable[[Any], object], object]]) -> None:
        for call, value in calls:
            call(value)


class AsyncReader(_Reader[ItemT]):
    """Reads in the async world; see `SyncReader`. Hooks that are async are awaited."""

    def __init__(
        self, machine: ReadingMachine[ItemT], send: Callable[[Asked], Awaitable[AsyncPieces]], hooks: Hooks
    ) -> None:
        super().__init__(machine, hooks)
        self._send = send
        self._source: AsyncPieces | None = None
        self._batches: AsyncGenerator[Sequence[ItemT], None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._waiting = anyio.CancelScope()  # around the wait for the next attempt

    async def open(self) -> None:
        """Send the first request, if that was not done."""
        if self._batches is None and not self._closed:
            self._began = monotonic()
            self._source = await self._request()
            self._batches = self._read()

    async def more(self) -> Sequence[ItemT] | None:
        """Read on; None at the end. Nothing may come of what was read."""
        if self._batches is None:
            await self.open()
            if self._batches is None:
                return None
        return await anext(self._batches, None)

    def cancel(self) -> None:
        """Stop the provider's stream at once, though another task may be reading: that one is given the end."""
        self._cancelled = True
        self._waiting.cancel()
        if self._source is None:
            self._closed = True  # nothing was sent, and nothing will be
        elif self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._source.aclose(), name="streamkit cancel")

    async def aclose(self) -> None:
        """Stop: close the connection. Again is harmless."""
        self._closed = True
        # Not even a cancelled task goes before the connection is closed.
        with anyio.CancelScope(shield=True):
            if self._closing is not None:
                await asyncio.wait([self._closing])
            if self._batches is not None:
                await self._batches.aclose()
            # A stream that nobody began to read is not closed by its generator.
            if self._source is not None:
                await self._source.aclose()

    async def _request(self) -> AsyncPieces:
        asked = self.machine.asked
        if self._hooks.on_request is not None:
            await self._call([(self._hooks.on_request, deepcopy(asked.sent))])
        return await self._send(asked)

    async def _read(self) -> AsyncGenerator[Sequence[ItemT], None]:
        machine = self.machine
        while True:
            source = cast("AsyncPieces", self._source)
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
            batch = machine.end(self._reason(failed))
            await self._call(self._hooks.calls_for(cast("Sequence[Change]", batch)))
            yield batch
            if machine.wait is None:
                break
            if self._hooks.on_retry is not None:
                await self._call([(self._hooks.on_retry, machine.over[-1])])
            with anyio.CancelScope() as self._waiting:
                await anyio.sleep(machine.wait)
            cause = await self._again()
            if cause is not None:
                batch = machine.give_up(cause)
                await self._call(self._hooks.calls_for(cast("Sequence[Change]", batch)))
                yield batch
                break
        if machine.error is not None:
            raise machine.error

    async def _again(self) -> Exception | None:
        """Send the next request; return why there is none."""
        if self._cancelled:
            return Cancelled("the run was cancelled")
        try:
            self._source, self._closing = await self._request(), None
        except Exception as error:  # noqa: BLE001  # what the subscriber has is to be ended
            return error
        return None

    async def _call(self, calls: Sequence[tuple[Callable[[Any], object], object]]) -> None:
        for call, value in calls:
            told = call(value)
            if isawaitable(told):
                await told
