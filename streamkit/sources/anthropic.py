"""The text of one answer inside a stream of the anthropic SDK: the Messages API.

    with client.messages.create(..., stream=True) as stream:
        for change in anthropic_messages(stream, tool=0) | extract(User): ...

The SDK sends the request; the bytes of its response's body are read here, so the SDK itself is not needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Protocol, cast, overload

from streamkit.sources.anthropic_wire import AnthropicReader
from streamkit.sources.body import Response, areads, reads
from streamkit.sources.deltas import AsyncDeltas, Deltas, deltas_of
from streamkit.sources.pieces import AsyncPieces, EventWire, Pieces

__all__ = ["anthropic_messages", "messages_pieces"]


class _Stream(Protocol):
    """What is used of `anthropic.Stream`."""

    @property
    def response(self) -> Response: ...
    def __iter__(self) -> Iterator[object]: ...
    def close(self) -> None: ...


class _AsyncStream(Protocol):
    """What is used of `anthropic.AsyncStream`."""

    @property
    def response(self) -> Response: ...
    def __aiter__(self) -> AsyncIterator[object]: ...
    def close(self) -> Awaitable[None]: ...


@overload
def anthropic_messages(stream: _Stream, *, tool: int | None = None) -> Deltas: ...
@overload
def anthropic_messages(stream: _AsyncStream, *, tool: int | None = None) -> AsyncDeltas: ...
def anthropic_messages(stream: _Stream | _AsyncStream, *, tool: int | None = None) -> Deltas | AsyncDeltas:
    """The text that streams in one place of a message.

    `finish.reason` is told in the words of chat completions: `"stop"`, `"length"`, `"tool_calls"`.

    Args:
        stream: what `client.messages.create(..., stream=True)` returned, not yet iterated; closed when it is left.
        tool: which tool use, counted from 0 as they appear, for its input; None for the text.

    Raises (when iterated):
        ProviderError: the provider told of an error, or sent what is no stream of events.
        ConnectionLost: the connection broke; the cause is the HTTP client's exception.
    """
    return deltas_of(messages_pieces(stream), (0, "content" if tool is None else tool))


@overload
def messages_pieces(stream: _Stream) -> Pieces: ...
@overload
def messages_pieces(stream: _AsyncStream) -> AsyncPieces: ...
def messages_pieces(stream: _Stream | _AsyncStream) -> Pieces | AsyncPieces:
    """All text of a message, with its places."""
    response: Response | None = getattr(stream, "response", None)
    if response is None:
        raise TypeError(
            f"expected a stream of the anthropic SDK, got {stream!r:.80}; was stream=True given, and awaited?"
        )
    kind = str(response.headers.get("content-type"))
    wire = EventWire(AnthropicReader())
    if hasattr(stream, "__aiter__"):
        asynchronous = cast("_AsyncStream", stream)
        return AsyncPieces(areads(response), wire, asynchronous.close, kind)
    return Pieces(reads(response), wire, stream.close, kind)
