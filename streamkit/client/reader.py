"""`SyncReader` and `AsyncReader`: the I/O of a run, around a machine that does none.

    request -> pieces -> machine -> batches of items;  again, as long as the machine wants another attempt

The two are one, written for the two worlds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from copy import deepcopy
from inspect import isawaitable
from threading import Event, Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import anyio

from streamkit.client.attempts import Cancelled
from streamkit.client.hooks import Hooks
from streamkit.client.request import Asked
from streamkit.errors import Attempt, StreamkitError

if TYPE_CHECKING:
    from streamkit.flow import Reason
    from streamkit.sources.answer import Answer, Piece
    from streamkit.sources.pieces import AsyncPieces, Pieces

__all__ = ["AsyncReader", "ReadingMachine", "SyncReader"]

ItemT = TypeVar("ItemT")
ReadT = TypeVar("ReadT")
ItemT_co = TypeVar("ItemT_co", covariant=True)


def pause(seconds: float, until: Event) -> None:
    """Wait, at most until something is set."""
    until.wait(seconds)


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
        self._cancelled = self._closed = self._ended = False
        self._failed: BaseException | None = None

    def _check(self) -> None:
        """Raise if nothing can be read any more, though there was no end."""
        if self._failed is not None:
            raise StreamkitError(f"the run was ended by what was raised while it was read: {self._failed!r}") from (
                self._failed
            )
        if self._closed and not self._ended:
            raise StreamkitError("the run was left before its end: read the result inside the 'with' block")

    def _seen(self) -> None:
        if self._began is not None:
            self.first_change = monotonic() - self._began

    def _calls(self, pieces: Sequence[Piece], batch: Sequence[ItemT]) -> list[tuple[Callable[[Any], object], object]]:
        """What hooks are to be called for a read."""
        chunk = self._hooks.on_chunk
        calls: list[tuple[Callable[[Any], object], object]] = []
        if chunk is not None:
            calls += [(chunk, text) for (_, part), text in pieces if part == "content" or isinstance(part, int)]
        return calls + self._hooks.calls_for(batch)

    def _reason(self, error: Exception | None) -> Reason:
        if self._cancelled:
            return self._stopped()
        return error if error is not None else self.machine.answer.finish()

    def _stopped(self) -> Cancelled:
        return Cancelled("the run was left while it was read" if self._closed else "the run was cancelled")


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
        self._stop = Event()
        self._turn = Lock()  # held while it is read

    def open(self) -> None:
        """Send the first request, if that was not done."""
        self._take_turn()
        try:
            self._open()
        finally:
            self._turn.release()

    def _open(self) -> None:
        if self._batches is None and not self._closed:
            self._began = monotonic()
            if not self._cancelled:
                self._source = self._request()
            self._batches = self._read()

    def more(self) -> Sequence[ItemT] | None:
        """Read on; None at the end. Nothing may come of what was read."""
        self._take_turn()
        try:
            self._check()
            self._open()
            return self._next()
        finally:
            self._turn.release()

    def _next(self) -> Sequence[ItemT] | None:
        try:
            return next(cast("Generator[Sequence[ItemT], None, None]", self._batches), None)
        except BaseException as error:
            if not self._ended:
                self._failed = error
            raise

    def cancel(self) -> None:
        """Stop the provider's stream; what is read next is the end. A read that waits goes on until a byte comes."""
        self._cancelled = True
        self._stop.set()
        if self._source is not None:
            self._source.close()

    def close(self) -> None:
        """Stop: close the connection, though a hook or another thread may be at it. Again is harmless."""
        self._closed = True
        is_read = self._turn.locked()
        if is_read:
            self.cancel()
        try:
            if self._batches is not None and not is_read:
                self._batches.close()
        finally:
            # A stream that nobody began to read is not closed by its generator.
            if self._source is not None:
                self._source.close()

    def _take_turn(self) -> None:
        if not self._turn.acquire(blocking=False):
            raise StreamkitError("the run is being read: a hook cannot read it, and of threads only one at a time")

    def _request(self) -> Pieces:
        asked = self.machine.asked
        if self._hooks.on_request is not None:
            self._hooks.on_request(deepcopy(asked.sent))
        return self._send(asked)

    def _read(self) -> Generator[Sequence[ItemT], None, None]:
        machine = self.machine
        if self._source is None:
            yield self._give_up(self._stopped())
            return
        while True:
            source = self._source
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
            yield self._told(machine.end(self._reason(failed)))
            while machine.wait is not None:
                cause = self._again(machine.wait)
                if cause is None:
                    break
                yield self._give_up(cause)
            else:
                break
        if machine.error is not None:
            raise machine.error

    def _again(self, wait: float) -> Exception | None:
        """Send the next request; return why there is none."""
        if self._hooks.on_retry is not None:
            self._hooks.on_retry(self.machine.over[-1])
        pause(wait, self._stop)
        if self._cancelled:
            return self._stopped()
        try:
            self._source = self._request()
        except Exception as error:  # noqa: BLE001  # what the subscriber has is to be ended
            return error
        return None

    def _give_up(self, cause: Exception) -> Sequence[ItemT]:
        return self._told(self.machine.give_up(cause))

    def _told(self, batch: Sequence[ItemT]) -> Sequence[ItemT]:
        """What an attempt ends with, after the hooks had it."""
        self._call(self._hooks.calls_for(batch))
        self._ended = self.machine.wait is None
        return batch

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
        self._asking: anyio.CancelScope | None = None  # around a request, and the wait before it
        self._turn = asyncio.Lock()  # one reads at a time
        self._whose: asyncio.Task[object] | None = None

    async def open(self) -> None:
        """Send the first request, if that was not done."""
        if self._batches is None:
            await self._in_turn(self._open)

    async def more(self) -> Sequence[ItemT] | None:
        """Read on; None at the end. Nothing may come of what was read.

        Nothing comes either if another task was reading: it is to be looked at first what that one was given.
        """
        if self._turn.locked():
            await self._in_turn(None)
            return ()
        return await self._in_turn(self._more)

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

    async def _in_turn(self, read: Callable[[], Awaitable[ReadT]] | None) -> ReadT | None:
        """Do what only one may do at a time, or only wait for it."""
        me = asyncio.current_task()
        if self._turn.locked() and self._whose is me:
            raise StreamkitError("a hook cannot read the run that calls it")
        async with self._turn:
            if read is None:
                return None
            self._whose = me
            return await read()

    async def _open(self) -> None:
        if self._batches is None and not self._closed:
            self._began = monotonic()
            if not self._cancelled:
                with anyio.CancelScope() as self._asking:
                    self._source = await self._request()
            self._batches = self._read()

    async def _more(self) -> Sequence[ItemT] | None:
        self._check()
        await self._open()
        try:
            return await anext(cast("AsyncGenerator[Sequence[ItemT], None]", self._batches), None)
        except BaseException as error:
            if not self._ended:
                self._failed = error
            raise

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
