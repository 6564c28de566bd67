"""The text of one answer inside a stream of the openai SDK: chat completions or Responses.

    with client.chat.completions.create(..., stream=True) as stream:
        for change in openai_chat(stream) | extract(User): ...

What is ignored on purpose: reasoning fields, log probabilities, padding, other choices, other calls.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from openai import AsyncStream, Stream

from streamkit.errors import SourceFailed
from streamkit.events import Finish
from streamkit.sources.openai_wires import ChatReader, Reader, ResponsesReader

if TYPE_CHECKING:
    from typing import Self

    from openai.types.chat import ChatCompletionChunk
    from openai.types.responses import ResponseStreamEvent

__all__ = ["AsyncDeltas", "Deltas", "openai_chat", "openai_responses"]

EventT = TypeVar("EventT")


@overload
def openai_chat(
    stream: Stream[ChatCompletionChunk], *, choice: int = 0, tool: int | None = None
) -> Deltas[ChatCompletionChunk]: ...
@overload
def openai_chat(
    stream: AsyncStream[ChatCompletionChunk], *, choice: int = 0, tool: int | None = None
) -> AsyncDeltas[ChatCompletionChunk]: ...
def openai_chat(
    stream: Stream[ChatCompletionChunk] | AsyncStream[ChatCompletionChunk], *, choice: int = 0, tool: int | None = None
) -> Deltas[ChatCompletionChunk] | AsyncDeltas[ChatCompletionChunk]:
    """The text that streams in one place of a chat completion.

    Args:
        stream: what `client.chat.completions.create(..., stream=True)` returned; closed when it is left.
        choice: which of `n` answers.
        tool: the index of a tool call, for its arguments; None for the message's content.

    Raises (when iterated):
        SourceFailed: the provider told of an error, or the connection broke; the cause is the SDK's exception.
    """
    return _deltas(stream, ChatReader(choice, tool))


@overload
def openai_responses(
    stream: Stream[ResponseStreamEvent], *, tool: int | None = None
) -> Deltas[ResponseStreamEvent]: ...
@overload
def openai_responses(
    stream: AsyncStream[ResponseStreamEvent], *, tool: int | None = None
) -> AsyncDeltas[ResponseStreamEvent]: ...
def openai_responses(
    stream: Stream[ResponseStreamEvent] | AsyncStream[ResponseStreamEvent], *, tool: int | None = None
) -> Deltas[ResponseStreamEvent] | AsyncDeltas[ResponseStreamEvent]:
    """The text that streams in one item of a response of the Responses API.

    `finish.reason` is told in the words of chat completions: `"stop"`, `"length"`, `"content_filter"`.

    Args:
        stream: what `client.responses.create(..., stream=True)` returned; closed when it is left.
        tool: which function call, counted from 0 as they appear, for its arguments; None for the text of
            the first message.

    Raises (when iterated):
        SourceFailed: the provider told of an error, or the connection broke; the cause is the SDK's exception.
    """
    return _deltas(stream, ResponsesReader(tool))


class _Known(Generic[EventT]):
    """What both kinds of iterator tell beside the text.

    Attributes:
        chunks: how many pieces of text have come.
    """

    def __init__(self, reader: Reader[EventT]) -> None:
        self.chunks: int = 0
        self._reader = reader

    @property
    def finish(self) -> Finish:
        """What the provider has said so far of the answer's end, its cost, and a refusal."""
        return self._reader.finish

    @property
    def id(self) -> str | None:
        """The provider's id of the answer; None before the first event."""
        return self._reader.id

    @property
    def model(self) -> str | None:
        """The model that answers, by its own name; None before it told."""
        return self._reader.model


class Deltas(_Known[EventT], Iterator[str]):
    """Pieces of text from a sync stream; `finish`, `id` and `model` beside them."""

    def __init__(self, stream: Stream[EventT], reader: Reader[EventT]) -> None:
        super().__init__(reader)
        self._stream = stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        read = self._reader.read
        while True:
            try:
                event = next(self._stream)
            except StopIteration:
                raise
            except Exception as error:
                raise _failed(error) from error
            if text := read(event):
                self.chunks += 1
                return text

    def close(self) -> None:
        """Close the connection; again is harmless."""
        self._stream.close()


class AsyncDeltas(_Known[EventT], AsyncIterator[str]):
    """Pieces of text from an async stream; `finish`, `id` and `model` beside them."""

    def __init__(self, stream: AsyncStream[EventT], reader: Reader[EventT]) -> None:
        super().__init__(reader)
        self._stream = stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        read = self._reader.read
        while True:
            try:
                event = await anext(self._stream)
            except StopAsyncIteration:
                raise
            except Exception as error:
                raise _failed(error) from error
            if text := read(event):
                self.chunks += 1
                return text

    async def aclose(self) -> None:
        """Close the connection; again is harmless."""
        await self._stream.close()


def _deltas(
    stream: Stream[EventT] | AsyncStream[EventT], reader: Reader[EventT]
) -> Deltas[EventT] | AsyncDeltas[EventT]:
    if isinstance(stream, AsyncStream):
        return AsyncDeltas(stream, reader)
    if isinstance(stream, Stream):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        return Deltas(stream, reader)
    raise TypeError(f"expected a stream of the openai SDK, got {stream!r:.80}; was stream=True given, and awaited?")


def _failed(error: Exception) -> SourceFailed:
    # The SDK's own "Connection error." says less than what caused it.
    told = [str(each) or type(each).__name__ for each in (error, error.__cause__) if each is not None]
    return SourceFailed(f"the provider's stream broke off: {': '.join(told)}")
