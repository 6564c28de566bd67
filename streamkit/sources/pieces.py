"""`Pieces` and `AsyncPieces`: all text of one answer, with its places, as it is read from a provider's stream.

    what is read  ->  Wire.feed  ->  pieces: ((choice, "content"), 'Jo'), ((choice, 0), '{"a'), ...

What one read brings is one item: many events in one read are dear only to whoever sends them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from json import loads
from typing import TYPE_CHECKING, Any, Protocol, cast

import anyio
from pydantic_core import from_json

from streamkit.errors import ConnectionLost, ProviderError, SourceFailed
from streamkit.sources.answer import Answer, Piece, Reader
from streamkit.sources.repeats import Known, Repeats, no_pieces
from streamkit.sources.sse import EventTooLarge, Framer
from streamkit.sources.surrogates import SurrogateJoiner

if TYPE_CHECKING:
    from typing import Self

__all__ = ["AsyncPieces", "EventWire", "ObjectWire", "Pieces", "Wire"]

_SHOWN = 200  # of a body without events
_COPIED = 64  # calls of an answer: with more, making a copy to try an event on costs more than parsing them all
_ODD = (AttributeError, LookupError, TypeError, ValueError)  # what a reader raises for what no provider sends
_PATIENCE = 0.1  # seconds that an answer which has been read may take to end


class Wire(Protocol):
    """Makes pieces of what is read.

    Attributes:
        answer: what is known of the answer.
        done: nothing more is wanted.
        error: what the provider told of; to be raised once the pieces before it were passed on.
        heard: something was read that is an event.
        began: what the body begins with, as long as there is no event in it.
    """

    answer: Answer
    done: bool
    error: SourceFailed | None
    heard: bool
    began: bytes

    def feed(self, read: Any, /) -> Sequence[Piece]: ...


class EventWire:
    """Reads Server-Sent Events whose data is JSON: bytes in."""

    def __init__(self, reader: Reader) -> None:
        self.answer = reader.answer
        self.done = self.heard = False
        self.began = b""
        self.error: SourceFailed | None = None
        self._reader = reader
        self._framer = Framer()
        self._rests = False  # nothing has begun that the next bytes could belong to
        self._surrogates = SurrogateJoiner()
        self._repeats = Repeats()
        self._alone: Known = self._repeats.read_alone

    def feed(self, read: bytes, /) -> Sequence[Piece]:
        if repeated := self._alone(read):
            return repeated
        if not self.heard:
            self.began = (self.began + read)[: 4 * _SHOWN]  # a character has at most four bytes
        rested = self._rests
        try:
            events = self._framer.feed(read)
        except EventTooLarge as error:
            self.error, self.done = error, True
            events = error.events
        self._rests = self._framer.rests
        pieces = self._pieces(events)
        if len(events) == 1 and rested and self._rests:
            self._repeats.learn_alone(events[0], read)
        self._alone = self._repeats.read_alone if self._rests and not self._surrogates.held else no_pieces
        return pieces

    def _pieces(self, events: Sequence[bytes]) -> list[Piece]:
        pieces: list[Piece] = []
        repeated = self._repeats.read
        for data in events:
            if known := repeated(data):
                # What is read without the reader is whole characters: there is something to join where a half waits.
                pieces += self._surrogates.joined(known) if self._surrogates.held else known
                continue
            self.heard = True
            if data.startswith(b"[DONE]"):
                self.done = self.answer.closed = True
                break
            try:
                found = self._parse(data)
            except SourceFailed as error:
                self.error, self.done = error, True
                break
            pieces += self._surrogates.joined(found)
            if len(found) == 1 and len(self.answer.calls) <= _COPIED:
                self._repeats.learn(data, found[0], self._try)
            else:
                # What is remembered may mean something else now, or not be the last word any more: another call has
                # its index, other counts were told.
                self._repeats.forget()
        return pieces

    def _parse(self, data: bytes) -> Sequence[Piece]:
        event = _object(data)
        try:
            return self._reader.read(event)
        except _ODD as error:
            raise _odd(event, error) from error

    def _try(self, data: bytes) -> Sequence[Piece]:
        """Parse an event that did not come: what the reader knows stays as it is."""
        return deepcopy(self._reader).read(_object(data))


class ObjectWire:
    """Takes the events that a provider's SDK made.

    Args:
        reader: reads them.
        known: gives the pieces of most of them, at less cost, once it is known who answers.
    """

    def __init__(self, reader: Reader, known: Known = no_pieces) -> None:
        self.answer = reader.answer
        self.done = self.heard = False
        self.began = b""
        self.error: SourceFailed | None = None
        self._reader = reader
        self._surrogates = SurrogateJoiner()
        self._quick = known
        self._known: Known = no_pieces

    def feed(self, read: Any, /) -> Sequence[Piece]:
        if known := self._known(read):
            return known
        self.heard = True
        try:
            pieces = self._reader.read(read)
        except SourceFailed as error:
            self.error = error
        except _ODD as error:
            self.error = _odd(read, error)
        else:
            pieces = self._surrogates.joined(pieces)
            certain = self.answer.id and self.answer.model and not self._surrogates.held
            self._known = self._quick if certain else no_pieces
            return pieces
        self.done = True
        return []


def _odd(event: object, error: Exception) -> ProviderError:
    told = ProviderError(f"an event of the provider's stream is not as expected ({error}): {event!r:.200}")
    told.__cause__ = error
    return told


def _object(data: bytes) -> Mapping[str, object]:
    try:
        event = _read(data)
    except ValueError as error:
        raise ProviderError(f"an event of the provider's stream is not JSON ({error}): {_shown(data)}") from error
    if not isinstance(event, dict):
        raise ProviderError(f"an event of the provider's stream is no JSON object: {_shown(data)}")
    return event  # pyright: ignore[reportUnknownVariableType]  # keys of JSON objects are text


def _read(data: bytes) -> object:
    try:
        return from_json(data, cache_strings="keys")
    except ValueError:
        # Half a surrogate pair is no text, but what a text was cut into by whoever counts in UTF-16.
        if b"\\u" not in data:
            raise
        return _loaded(data)


def _loaded(data: bytes) -> object:
    try:
        return cast("object", loads(data))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _shown(data: bytes) -> str:
    return repr(data.decode(errors="replace")[:80])


class Pieces:
    """The pieces of an answer that is read in the sync world; an item is what one read brought, perhaps nothing.

    What follows the `[DONE]` is not read: a sync read cannot be given up in time. The connection is not used again.

    Args:
        reads: what is read.
        wire: makes pieces of it.
        close: closes the connection.
        whence: what the server said about the body, for the error when it holds no event.

    Attributes:
        answer: what the provider says of the answer.
    """

    def __init__(self, reads: Iterator[Any], wire: Wire, close: Callable[[], object], whence: str) -> None:
        self.answer = wire.answer
        self._items = _pieces(reads, wire, close, whence)
        self._close = close

    def __iter__(self) -> Iterator[Sequence[Piece]]:
        """The items that have not been read yet."""
        return self._items

    def close(self) -> None:
        """Close the connection; again is harmless."""
        self._close()


def _pieces(reads: Iterator[Any], wire: Wire, close: Callable[[], object], whence: str) -> Iterator[Sequence[Piece]]:
    feed = wire.feed
    while not wire.done:
        try:
            read = next(reads)
        except StopIteration:
            break
        except Exception as error:
            raise _failed(error) from error
        yield feed(read)
    close()
    _check_end(wire, whence)


class AsyncPieces(AsyncIterator[Sequence[Piece]]):
    """The pieces of an answer that is read in the async world; see `Pieces`."""

    def __init__(
        self, reads: AsyncIterator[Any], wire: Wire, close: Callable[[], Awaitable[object]], whence: str
    ) -> None:
        self.answer = wire.answer
        self._reads, self._wire, self._close, self._whence = reads, wire, close, whence

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Piece]:
        wire = self._wire
        if not wire.done:
            try:
                read = await self._reads.__anext__()
            except StopAsyncIteration:
                wire.done = True
            except Exception as error:
                raise _failed(error) from error
            else:
                return wire.feed(read)
        try:
            _check_end(wire, self._whence)
        except SourceFailed:
            await self._close()
            raise
        await self._drain()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection; again is harmless."""
        await self._close()

    async def _drain(self) -> None:
        """Read what follows the last event: a connection whose body was not read to its end is not used again."""
        with anyio.move_on_after(_PATIENCE), suppress(Exception):
            async for _ in self._reads:
                pass


def _check_end(wire: Wire, whence: str) -> None:
    """Raise what is to be raised where the pieces end."""
    if wire.error is not None:
        raise wire.error
    if not wire.heard:
        began = wire.began.decode(errors="replace")[:_SHOWN]
        told = f"; it began {began!r}" if began else ""
        raise ProviderError(f"there was no event in what the server sent ({whence}): is base_url right?{told}")


def _failed(error: Exception) -> SourceFailed:
    # The SDK's own "Connection error." says less than what caused it.
    told = [*dict.fromkeys(str(each) or type(each).__name__ for each in (error, error.__cause__) if each is not None)]
    body = getattr(error, "body", None)
    if body is not None or isinstance(error, ValueError):
        return ProviderError(f"the provider told of an error: {told[0]}", body=body)
    return ConnectionLost(f"the provider's stream broke off: {': '.join(told)}")
