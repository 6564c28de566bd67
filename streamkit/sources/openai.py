"""The text of one answer inside a stream of the openai SDK: chat completions or Responses.

    with client.chat.completions.create(..., stream=True) as stream:
        for change in openai_chat(stream) | extract(User): ...

The SDK sends the request, with its authentication, retries and timeouts, and tells of what the server
refuses. The body is read either from its bytes, or through the SDK's own objects, one for each event, which
costs several times more. Both give the same pieces.

What is ignored on purpose: log probabilities, padding, other choices, other calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from openai import AsyncStream, Stream

from streamkit.sources.body import areads, reads
from streamkit.sources.deltas import AsyncDeltas, Deltas, deltas_of
from streamkit.sources.openai_responses_wire import ResponsesReader
from streamkit.sources.openai_wires import ChatReader, content_alone, fields
from streamkit.sources.pieces import AsyncPieces, EventWire, ObjectWire, Pieces
from streamkit.sources.repeats import Known, no_pieces

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk
    from openai.types.responses import ResponseStreamEvent


__all__ = ["AsyncDeltas", "Deltas", "How", "chat_pieces", "openai_chat", "openai_responses", "responses_pieces"]

How: TypeAlias = Literal["sse", "sdk"]
"""From the bytes of the body, or from the SDK's objects."""


@overload
def openai_chat(
    stream: Stream[ChatCompletionChunk], *, choice: int = 0, tool: int | None = None, source: How | None = None
) -> Deltas: ...
@overload
def openai_chat(
    stream: AsyncStream[ChatCompletionChunk], *, choice: int = 0, tool: int | None = None, source: How | None = None
) -> AsyncDeltas: ...
def openai_chat(
    stream: Stream[ChatCompletionChunk] | AsyncStream[ChatCompletionChunk],
    *,
    choice: int = 0,
    tool: int | None = None,
    source: How | None = None,
) -> Deltas | AsyncDeltas:
    """The text that streams in one place of a chat completion.

    Args:
        stream: what `client.chat.completions.create(..., stream=True)` returned; closed when it is left.
        choice: which of `n` answers.
        tool: the index of a tool call, for its arguments; None for the message's content.
        source: `"sse"` reads the body's bytes, and what one read brings is one piece; `"sdk"` takes the SDK's
            objects, one by one. By default the bytes, if the server says that they are events or JSON, nobody has
            begun to read them, and the stream is the SDK's own, not one that somebody has put around it.

    Raises (when iterated):
        ProviderError: the provider told of an error, or sent what is no stream of events.
        ConnectionLost: the connection broke; the cause is the SDK's exception, or the HTTP client's.
    """
    return deltas_of(chat_pieces(stream, source), (choice, "content" if tool is None else tool))


@overload
def openai_responses(
    stream: Stream[ResponseStreamEvent], *, tool: int | None = None, source: How | None = None
) -> Deltas: ...
@overload
def openai_responses(
    stream: AsyncStream[ResponseStreamEvent], *, tool: int | None = None, source: How | None = None
) -> AsyncDeltas: ...
def openai_responses(
    stream: Stream[ResponseStreamEvent] | AsyncStream[ResponseStreamEvent],
    *,
    tool: int | None = None,
    source: How | None = None,
) -> Deltas | AsyncDeltas:
    """The text that streams in one item of a response of the Responses API.

    `finish.reason` is told in the words of chat completions: `"stop"`, `"length"`, `"content_filter"`.

    Args:
        stream: what `client.responses.create(..., stream=True)` returned; closed when it is left.
        tool: which function call, counted from 0 as they appear, for its arguments; None for the text of
            the first message.
        source: as for `openai_chat`.

    Raises (when iterated):
        ProviderError: as for `openai_chat`.
        ConnectionLost: as for `openai_chat`.
    """
    return deltas_of(responses_pieces(stream, source), (0, "content" if tool is None else tool))


@overload
def chat_pieces(stream: Stream[ChatCompletionChunk], source: How | None = None) -> Pieces: ...
@overload
def chat_pieces(stream: AsyncStream[ChatCompletionChunk], source: How | None = None) -> AsyncPieces: ...
def chat_pieces(
    stream: Stream[ChatCompletionChunk] | AsyncStream[ChatCompletionChunk], source: How | None = None
) -> Pieces | AsyncPieces:
    """All text of a chat completion, with its places."""
    return _pieces(stream, source, ChatReader, content_alone)


@overload
def responses_pieces(stream: Stream[ResponseStreamEvent], source: How | None = None) -> Pieces: ...
@overload
def responses_pieces(stream: AsyncStream[ResponseStreamEvent], source: How | None = None) -> AsyncPieces: ...
def responses_pieces(
    stream: Stream[ResponseStreamEvent] | AsyncStream[ResponseStreamEvent], source: How | None = None
) -> Pieces | AsyncPieces:
    """All text of a response of the Responses API, with its places."""
    return _pieces(stream, source, ResponsesReader)


def _pieces(
    stream: Stream[Any] | AsyncStream[Any],
    source: How | None,
    make: type[ChatReader | ResponsesReader],
    known: Known = no_pieces,
) -> Pieces | AsyncPieces:
    if not isinstance(stream, (Stream, AsyncStream)):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        return _pieces_of_proxy(stream, source, make, known)
    response = stream.response
    kind = response.headers.get("content-type", "")
    whence = f"{kind or 'of no content type'}, from {response.request.url.copy_with(query=None)}"
    plain = _is_untouched(stream) and not response.is_stream_consumed
    # Instead of events some servers send an error as JSON: the SDK would not tell what is in it.
    readable = "event-stream" in kind or "json" in kind
    as_bytes = plain and readable if source is None else source == "sse"
    wire = EventWire(make()) if as_bytes else ObjectWire(make(fields), known)
    if isinstance(stream, AsyncStream):
        return AsyncPieces(areads(response) if as_bytes else aiter(stream), wire, stream.close, whence)
    return Pieces(reads(response) if as_bytes else iter(stream), wire, stream.close, whence)


def _is_untouched(stream: Stream[Any] | AsyncStream[Any]) -> bool:
    """Whether nobody watches the SDK's objects: a tracer subclasses the stream, or replaces its iterator."""
    if type(stream) not in (Stream, AsyncStream):
        return False
    iterator: Any = getattr(stream, "_iterator", None)
    made_by: Any = type(stream).__stream__
    return getattr(iterator, "gi_code", getattr(iterator, "ag_code", None)) is made_by.__code__


def _pieces_of_proxy(stream: Any, source: How | None, make: Any, known: Known) -> Pieces | AsyncPieces:
    """Read what stands for a stream of the SDK, as tracers make them: iterate it."""
    wire = ObjectWire(make(fields), known)
    whence = f"{type(stream).__name__}, iterated"
    if source == "sse":
        raise TypeError(f"source='sse' reads the bytes of the SDK's own stream, got {stream!r:.80}: leave source out")
    if hasattr(stream, "__aiter__"):
        return AsyncPieces(aiter(stream), wire, _closing_async(stream), whence)
    if hasattr(stream, "__iter__") and not isinstance(stream, (str, bytes, Mapping)):
        return Pieces(iter(stream), wire, getattr(stream, "close", _nothing), whence)
    raise TypeError(f"expected a stream of the openai SDK, got {stream!r:.80}; was stream=True given, and awaited?")


def _closing_async(stream: Any) -> Callable[[], Awaitable[object]]:
    async def close() -> None:
        closing: Any = getattr(stream, "close", getattr(stream, "aclose", _nothing))
        closed: object = closing()
        if isawaitable(closed):
            await closed

    return close


def _nothing() -> None:
    """Close what cannot be closed."""
