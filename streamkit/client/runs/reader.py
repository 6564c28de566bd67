"""`SyncReader`: the I/O of a run, around a machine that does none.

    request -> pieces -> machine -> batches of items;  again, as long as the machine wants another attempt

`AsyncReader`, in `async_reader.py`, is the same, written for the async world.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from copy import deepcopy
from threading import Event, Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from streamkit.client.request import Asked
from streamkit.client.runs.attempts import Cancelled
from streamkit.client.runs.hooks import Hooks
from streamkit.errors import Attempt, StreamkitError

if TYPE_CHECKING:
    from streamkit.flow import Reason
    from streamkit.sources.answer import Answer, Piece
    from streamkit.sources.pieces import Pieces

__all__ = ["ReadingMachine", "RunReader", "SyncReader"]

ItemT = TypeVar("ItemT")
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


class RunReader(Generic[ItemT]):
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


class SyncReader(RunReader[ItemT]):
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
            reads = iter(source)
            machine.begin(source.answer)
            failed: Exception | None = None
            try:
                while not machine.stop and not self._cancelled:
                    try:
                        pieces = next(reads, None)
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
